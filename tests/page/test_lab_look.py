"""The Lab tab: what it shows of runs, whose weights it serves, and a real tiny run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import tiny_pipeline
from PIL import Image

pytest.importorskip("gradio")

import gradio as gr
from noted_lab import STAGES, NotedLab, a_lab, bundled, lab_tab, start, tiny_serving  # noqa: F401  (fixtures)

from lab.jobs.processes import Processes
from lab.training.samples import save_picture
from maskgan.run_folder import DATA, state_of
from maskgan.serving.hot_reload import Serving
from maskgan.snapshots import publish
from maskgan.ui.lab import view as lab_view
from maskgan.ui.lab.tab import LabTab

PATIENCE = 300  # seconds; only what never happens takes as long


def wait_until(condition: Callable[[], Any], log: Callable[[], str]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, log()
        time.sleep(0.2)


# ---------------------------------------------------------------- look


def test_without_runs_the_tab_says_what_to_do(tab: LabTab) -> None:
    updates = tab.look(None, [], {})
    assert "No run yet" in updates[tab.facts] and updates[tab.table]["value"] == []


def test_a_look_shows_the_numbers_and_the_next_only_what_changed(tab: LabTab, lab: NotedLab) -> None:
    folder = lab.add("mine", running=True)
    lab.add("other")
    first = tab.look("mine", [], {})
    assert "7" in first[tab.facts] and "2 of 10" in first[tab.facts] and "3.0 GiB" in first[tab.facts]
    assert first[tab.log] == "a <line>" and first[tab.watched]["choices"] == ["mine", "other"]
    assert first[tab.table]["value"][0] == ["mine", "Draw masks between masks", "running", "2", "2.5", ""]
    assert first[tab.losses]["choices"] == ["loss", "part"] and first[tab.losses]["value"] == ["loss"]
    plot = first[tab.plot]["value"]
    assert plot.to_dict("list") == {"step": [1, 2], "value": [3.0, 2.5], "loss": ["loss", "loss"]}

    seen = first[tab.seen]
    assert tab.look("mine", ["loss"], seen) == gr.skip()
    both = tab.look("mine", ["loss", "part"], seen)
    assert both.keys() == {tab.plot, tab.seen} and sorted(both[tab.plot]["value"]["value"]) == [0.5, 1.0, 2.5, 3.0]
    sheet = folder / "2.png"
    Image.fromarray(np.full((4, 4, 3), 200, np.uint8)).save(sheet)
    lab.there["mine"].sample = sheet
    shown = tab.look("mine", ["loss"], seen)
    assert shown.keys() == {tab.sample, tab.seen} and np.array(Image.open(shown[tab.sample])).max() == 200
    other = tab.look("other", ["part"], seen)
    assert other[tab.losses]["value"] == ["loss"] and other[tab.seen]["watched"] == (["mine", "other"], "other")
    assert tab.look("gone", [], {})[tab.watched]["value"] == "mine"


def test_what_is_used_of_the_data_is_shown(tab: LabTab, lab: NotedLab) -> None:
    folder = lab.add("mine", running=True)
    assert "faces used" not in tab.look("mine", [], {})[tab.facts]
    (folder / DATA).write_text(json.dumps([{"sentence": "<b>faces</b>: 3 faces used, 1 left out: ...."}]))
    assert "&lt;b&gt;faces&lt;/b&gt;: 3 faces used, 1 left out" in tab.look("mine", [], {})[tab.facts]
    for damaged in ("", "[1]", '{"sentence": 1}', "[" * 100_000, '[{"sentence": 1}]'):
        (folder / DATA).write_text(damaged)
        assert "2 of 10" in tab.look("mine", [], {})[tab.facts]


ODD_LINES = [
    '{"step": 3, "loss": "high"}',
    '{"step": 3, "loss": NaN, "images_per_second": Infinity, "seconds_left": -Infinity}',
    '{"step": NaN, "loss": 1}',
    '{"step": "3", "loss": 1}',
    '{"step": 1e999, "loss": 1e999}',
    '{"step": 3, "loss": ' + "9" * 500 + "}",
    '{"step": 3, "loss": {"a": [1]}, "part": null, "images_per_second": true}',
    '{"step": -5, "loss": 1}',
    "[3, 2.5]",
    '[["step", 3]]',
    "7",
    "null",
    "[" * 100_000,
    '{"step": 3, "lo',
]


@pytest.mark.parametrize("odd", [*ODD_LINES, b"\xff\xfe\x00"], ids=lambda odd: str(odd)[:24])
def test_an_odd_line_of_numbers_does_not_blank_the_lab(tab: LabTab, lab: NotedLab, odd: str | bytes) -> None:
    """Neither the list, nor the facts, nor the curve, of this run and of others; also where it is the last one."""
    folder = lab.add("mine")
    lab.add("other")
    (folder / "config.json").write_text(json.dumps({"stage": "train_mask_vae", "max_steps": 10}))
    line = odd.encode() if isinstance(odd, str) else odd
    good = (folder / "stats.jsonl").read_bytes().splitlines()[:2]
    for lines in ([good[0], line, good[1]], [*good, line]):
        (folder / "stats.jsonl").write_bytes(b"\n".join(lines) + b"\n")
        state = state_of(folder, running=True)
        lab.there["mine"] = state
        shown = tab.look("mine", [], {})
        names = [row[0] for row in shown[tab.table]["value"]]
        assert names == ["mine", "other"] and "of 10" in shown[tab.facts]
        table = lab_view.curves(folder, ["loss"])
        assert {1, 2} <= set(table["step"]) and set(table["value"]) >= {3.0, 2.5}
        assert np.isfinite(table["value"]).all() and shown[tab.plot]["value"] is not None


def test_a_sample_that_is_being_written_is_not_shown(lab: NotedLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that looked at that moment showed half a picture, or none."""
    folder = lab.add("mine")
    first, second = (folder / "samples" / f"{step:07d}.png" for step in (2, 4))
    save_picture(first, np.full((8, 8, 3), 90, np.uint8))
    write, seen = cv2.imwrite, []

    def looked_at_meanwhile(path: str, picture: np.ndarray) -> bool:
        Path(path).write_bytes(b"half")
        seen.append(state_of(folder, running=True).sample)
        return write(path, picture)

    monkeypatch.setattr(cv2, "imwrite", looked_at_meanwhile)
    save_picture(second, np.full((8, 8, 3), 200, np.uint8))
    assert seen == [first] and state_of(folder, running=True).sample == second
    monkeypatch.setattr(cv2, "imwrite", lambda *_: False)
    with pytest.raises(OSError, match="make room"):
        save_picture(second, np.zeros((8, 8, 3), np.uint8))
    assert sorted((folder / "samples").iterdir()) == [first, second] and np.array(Image.open(second)).min() == 200


def test_odd_settings_and_metrics_do_not_blank_the_lab(tab: LabTab, lab: NotedLab) -> None:
    folder = lab.add("mine")
    for odd in ("many", [1], float("nan"), True, 10**400, None):
        (folder / "config.json").write_text(json.dumps({"stage": "train_mask_vae", "max_steps": odd}))
        lab.there["mine"] = state_of(folder, running=False)
        assert tab.look("mine", [], {})[tab.table]["value"][0][:3] == ["mine", "Draw masks between masks", "ended"]
    name = published(folder, 1)
    about = folder / "weights" / name / "snapshot.json"
    told = json.loads(about.read_text())
    for metrics in ({"loss": "low", "psnr": 24.5, "x": float("nan")}, [1], "good", 5):
        about.write_text(json.dumps(told | {"metrics": metrics}))
        titles = [snapshot.title for snapshot in lab_view.snapshots(folder)]
        assert titles in ([], ["step 1 (newest)"], ["step 1 (newest): psnr 24.5"])


def test_why_a_run_failed_is_told_and_it_can_go_on(tab: LabTab, lab: NotedLab) -> None:
    lab.add("mine", failure="images/<1>.jpg is no picture.")
    lab.add("done", max_steps=2)
    failed = tab.look("mine", [], {})
    assert "images/&lt;1&gt;.jpg is no picture." in failed[tab.facts] and "failed" in failed[tab.facts]
    assert failed[tab.resume_button]["interactive"] and failed[tab.table]["value"][0][2] == "failed"
    done = tab.look("done", [], {})
    assert "finished" in done[tab.facts] and not done[tab.resume_button]["interactive"]


def test_runs_that_published_can_be_built_upon(tab: LabTab, lab: NotedLab) -> None:
    folders = {
        stage: tab.folders.of(lab.add(f"{stage}-1", stage=stage, snapshot="step-0000002"))
        for stage in ("train_parser", "train_mask_vae", "pretrain_dmn", "train_ebst")
    }
    lab.add("young", stage="train_parser")
    updates = tab.look(None, [], {})
    choices = {
        network.name: [value for _, value in updates[tab.fields[network.name]]["choices"]]
        for network in STAGES["train_ebst"].networks
    }
    assert choices == {
        "parser": [bundled(tab), folders["train_parser"]],
        "mask_vae": [bundled(tab), folders["train_mask_vae"]],
        "blender": [bundled(tab), "", folders["train_ebst"]],
        "discriminator": ["", folders["pretrain_dmn"], folders["train_ebst"]],
    }
    assert [value for _, value in updates[tab.fields["weights"]]["choices"]] == ["", bundled(tab), *folders.values()]


def test_a_long_curve_is_averaged_down(tmp_path: Path) -> None:
    (tmp_path / "stats.jsonl").write_text("".join(f'{{"step": {n}, "loss": {n % 2}}}\n' for n in range(10_000)))
    table = lab_view.curves(tmp_path, ["loss", "unknown"])
    assert 100 < len(table) <= lab_view.POINTS and abs(table["value"].mean() - 0.5) < 0.01
    assert table["step"].iloc[0] < table["step"].iloc[-1]
    assert lab_view.curves(tmp_path, ["unknown"]) is lab_view.curves(tmp_path / "missing", ["loss"]) is None


def test_times_are_told_as_people_say_them() -> None:
    assert [lab_view.duration(seconds) for seconds in (-1, 59, 61, 4000)] == [
        "under a minute", "under a minute", "1 min", "1 h 6 min",
    ]  # fmt: skip


# ---------------------------------------------------------------- serve


def published(folder: Path, seed: int) -> str:
    about = {"stage": "train_mask_vae", "step": seed, "metrics": {"loss": 0.25}}
    return publish(folder / "weights", f"step-{seed:07d}", tiny_pipeline(seed).save, about).name


def test_weights_of_a_run_serve_and_a_run_is_followed(tab: LabTab, lab: NotedLab, serving: Serving) -> None:
    folder = lab.add("mine")
    with pytest.warns(UserWarning, match="no such result"):
        tab.serve("mine", "")
    with pytest.warns(UserWarning, match="no result yet"):
        tab.follow("mine")
    older, newer = published(folder, 1), published(folder, 2)
    lab.there["mine"].snapshot = newer
    choices = tab.look("mine", [], {})[tab.snapshot]["choices"]
    assert [value for _, value in choices] == ["", newer, older]
    assert choices[1][0] == "step 2 (newest): loss 0.25"
    tab.serve("mine", older)
    assert serving.current().weights.step == 1 and serving.folder is None
    tab.serve("mine", "")
    assert serving.current().weights.step == 2
    with pytest.warns(UserWarning, match="no such result"):
        tab.serve("mine", "../../elsewhere")
    try:
        tab.follow("mine")
        published(folder, 3)
        wait_until(lambda: serving.current().weights.step == 3, lambda: str(serving.refused))
        assert "step 3" in lab_view.in_use(serving) and "follows mine" in lab_view.in_use(serving)
        tab.serve("mine", newer)
        assert "follows" not in lab_view.in_use(serving)
        published(folder, 4)
        serving.follow(None)
        assert serving.current().weights.step == 2, "what was chosen stays"
    finally:
        serving.stop()


def test_refused_weights_change_nothing(tab: LabTab, lab: NotedLab, serving: Serving) -> None:
    folder = lab.add("mine")
    (folder / "weights" / published(folder, 1) / "dmn" / "config.json").unlink()
    before = serving.current()
    with pytest.warns(UserWarning, match=r"config\.json is missing"):
        tab.serve("mine", "")
    assert serving.current() is before


# ---------------------------------------------------------------- a real run


@pytest.mark.slow
def test_a_tiny_run_starts_shows_its_numbers_stops_and_serves(
    tmp_path: Path, data_folder: Path, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    runs = Processes(tmp_path / "runs", [data_folder])
    with gr.Blocks():
        tab = LabTab(runs, serving)
    assert runs.data_folders() == [data_folder.resolve()]
    form = {"data": [str(data_folder)], "max_steps": 1_000_000, "batch_size": 2, "every": 2, "name": "vae"}
    start(tab, resolution=64, **form)
    log = lambda: runs.state("vae").log  # noqa: E731
    try:
        wait_until(lambda: runs.state("vae").stats and runs.state("vae").snapshot and runs.state("vae").sample, log)
        shown = tab.look("vae", [], {})
        assert "running" in shown[tab.facts] and "GiB" in shown[tab.facts] and "1,000,000" in shown[tab.facts]
        assert np.isfinite(shown[tab.plot]["value"]["value"]).all() and np.array(Image.open(shown[tab.sample])).any()
        tab.stop("vae")
        wait_until(lambda: not runs.state("vae").running, log)
        tab.serve("vae", "")
        assert serving.current().weights.stage == "train_mask_vae"
    finally:
        if runs.state("vae").running:
            runs.kill("vae")
    assert runs.memory("vae") == (0, 0)
