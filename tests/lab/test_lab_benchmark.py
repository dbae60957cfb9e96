"""The training benchmark: every row of its table, and that its two ways of EBST's step compute the same."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from test_ebst import stage, step  # noqa: F401  (a fixture)
from torch import Tensor, nn

from lab.benchmark import compare, draw_faces, main, three_passes
from lab.data.faces import FaceStream, find_samples


def test_it_measures_every_stage_and_both_ways(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numbers = tmp_path / "numbers.json"
    assert not main(
        [
            *("--preset", "tiny", "--resolution", "64", "--batch-size", "2", "--steps", "1", "--rounds", "1"),
            *("--num-workers", "0", "--threads", "1", "--blender-width", "2", "--cpu", "--json", str(numbers)),
        ]
    )
    printed = capsys.readouterr().out
    for row in ("parser", "mask_vae", "dmn", "ebst", "one shared style", "three separate passes", "ratio"):
        assert f"\n{row} " in printed
    result = json.loads(numbers.read_text())
    assert [row["stage"] for row in result["stages"]] == ["parser", "mask_vae", "dmn", "ebst"]
    assert all(row["images_per_second"] > 0 and 0 <= row["waiting_for_data"] <= 1 for row in result["stages"])
    ways = result["ebst_step_ms"]
    assert result["ratio"]["median"] == pytest.approx(ways["three_passes"]["median"] / ways["shared"]["median"])
    assert result["resolution"] == 64


def test_three_passes_give_the_gradients_of_algorithm_1(stage: SimpleNamespace) -> None:  # noqa: F811
    networks = (stage.dmn, stage.blender)
    stage.run.rate_factor = 0.0  # D stays as it is, so that the two ways can be compared
    step(stage)
    ours = [p.grad.clone() for network in networks for p in network.parameters() if p.grad is not None]
    for network in networks:
        network.zero_grad(set_to_none=True)

    updated: list[nn.Module] = []
    three_passes(
        stage.image, stage.mask, stage.reference, stage.vae, stage.dmn, stage.blender, stage.adversary,
        stage.accelerator, update=updated.append,
    )  # fmt: skip
    theirs = [p.grad for network in networks for p in network.parameters() if p.grad is not None]
    assert updated == [stage.dmn, stage.dmn, stage.blender]
    assert len(ours) == len(theirs) > 20
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_both_ways_see_the_same_batches_and_the_first_round_does_not_count(tmp_path: Path) -> None:
    draw_faces(tmp_path / "faces", count=4, size=64)
    stream = FaceStream(find_samples(tmp_path / "faces"), 64, seed=0)
    seen: dict[str, list[Tensor]] = {"one": [], "other": []}
    ways = {name: lambda image, mask, name=name: seen[name].append(image) for name in seen}
    times = compare(ways, stream, 2, 3, torch.device("cpu"))
    assert len(seen["one"]) == 4
    assert all(torch.equal(one, other) for one, other in zip(seen["one"], seen["other"], strict=True))
    assert not torch.equal(seen["one"][0], seen["one"][1])
    assert all(0 <= ms["min"] <= ms["median"] for ms in times.values())


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [(("--data", "nowhere"), "No train faces in nowhere"), (("--batch-size", "1"), "--batch-size at least 2")],
)
def test_what_cannot_be_measured_is_told_in_one_sentence(
    flags: tuple[str, str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--preset", "tiny", "--resolution", "64", "--threads", "1", "--cpu", *flags])
    assert sentence in capsys.readouterr().err
