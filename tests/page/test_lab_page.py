"""A lab run from beginning to end, all from the page in Chromium: started, watched, followed, stopped, gone on with."""

from __future__ import annotations

import re
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import warm
from conftest import tiny_pipeline, told_by
from PIL import Image

pytest.importorskip("gradio")

from visitor import Visitor, away_from

from lab.data.faces import find_samples, load
from lab.jobs.processes import Processes
from maskgan.labels import IGNORE, Label
from maskgan.snapshots import weights_hash
from maskgan.ui.examples import FOLDER, Examples
from maskgan.ui.lab import view as lab_view

PATIENCE = 300  # seconds; only what never happens takes as long
NAME = "pretrain_dmn-1"  # given by the lab


def test_the_examples_are_a_data_folder_of_the_lab() -> None:
    faces = [load(sample) for sample in find_samples(FOLDER)]
    assert len(faces) == len(list((FOLDER / "images").iterdir()))
    assert all(face.mask.shape == face.image.shape[:2] and IGNORE not in face.mask for face in faces)


class Studio:
    """`python app.py --lab`, which can be ended and started again under its address."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.lab = Processes(folder / "runs", [FOLDER])
        self.log, self.url = folder / "app.log", f"http://127.0.0.1:{self.port}"
        self.process: BaseProcess | None = None

    def start(self) -> None:
        flags = ("--lab", "--runs", self.lab.runs, "--port", self.port)
        self.process = warm.start(warm.APP, *flags, output=self.log)  # on one thread, as the trainer then
        self.wait_until(self.answers)

    def answers(self) -> bool:
        assert self.process.is_alive(), self.log.read_text()
        try:
            with urllib.request.urlopen(self.url, timeout=10) as answer:
                return answer.status == 200
        except OSError:  # nobody listens yet, or whoever does is too busy
            return False

    def wait_until(self, condition: Callable[[], Any]) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, [self.log.read_text(), *(state.log for state in self.lab.states())]
            time.sleep(0.1)

    def end(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.join(PATIENCE)


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    studio = Studio(tmp_path)
    try:
        studio.start()
        yield studio
    finally:
        studio.end()
        for state in studio.lab.states():
            if state.running:
                studio.lab.kill(state.name)


def paint(person: Visitor, folder: Path) -> tuple[np.ndarray, dict[str, str]]:
    """Hair in the Paint tab, which only the network draws: the edited face (512, 512, 3), and what its file tells."""
    unedited = person.wait_for_result()
    person.stroke(Label.HAIR, (70.5, 60.5), (140.5, 60.5))
    person.wait_for_result(other_than=unedited)
    person.page.wait_for_selector("#history img")  # the stroke has ended for the server too
    with Image.open(person.download("#save-face", folder)) as file:
        return np.array(file), told_by(file)


def points_of_the_curve(page: Any) -> int:
    """How many points the line has that is drawn."""
    lines = page.locator("#lab-plot .mark-line path").all()
    return max((len(re.findall("[ML]", line.get_attribute("d") or "")) for line in lines), default=0)


def state_in_words(page: Any, words: str) -> None:
    """Wait until the line of facts about the run says so."""
    page.locator("#lab-facts").get_by_text(words).wait_for()


@pytest.mark.slow
@pytest.mark.browser
def test_a_run_is_started_watched_followed_stopped_and_gone_on_with(
    browser: Any, studio: Studio, tmp_path: Path
) -> None:
    person = Visitor(browser, studio.url)
    page = person.page
    page.set_default_timeout(PATIENCE * 1000)
    lab = studio.lab

    # Before there is a run: an edit by the bundled weights, taken back.
    person.choose_example(6)  # the first one that comes with its mask, after six people
    face = Examples(tiny_pipeline()).face(0)
    before, _ = paint(person, tmp_path)
    painted = person.mask()
    changed = painted != face.mask
    untouched = away_from(changed, 40)
    assert changed.any() and untouched.mean() > 0.3
    page.locator("#canvas .mc-stage").focus()
    page.keyboard.press("Control+z")
    assert np.array_equal(person.mask(), face.mask)
    person.wait_for_result()

    # Training on the examples, as the form has it but for its size: much is learned in few steps.
    page.get_by_role("tab", name="Lab").click()
    page.locator("#lab-resolution input").click()
    page.get_by_role("option", name="64 px").click()
    for field, value in {"max_steps": "100000", "batch_size": "2", "learning_rate": "0.002", "every": "10"}.items():
        page.locator(f"#lab-{field} input").fill(value)
    page.locator("#lab-start").click()
    state_in_words(page, "running")
    studio.wait_until(lambda: points_of_the_curve(page) >= 2)
    page.locator("#lab-sample img").wait_for()
    assert lab.state(NAME).running

    # Its weights serve.
    page.locator("#lab-follow:enabled").click()
    page.locator("#lab-in-use").get_by_text("pretrain_dmn, step").and_(page.get_by_text(f"follows {NAME}")).wait_for()
    page.locator("#lab-stop").click()
    state_in_words(page, "ended")
    stopped = lab.state(NAME)
    step = int(stopped.checkpoints[-1].removeprefix("step-"))
    assert stopped.failure is None and step == stopped.stats["step"]
    assert f"Stopped after step {step}" in page.locator("#lab-log textarea").input_value()
    page.locator("#lab-in-use").get_by_text(f"step {step})").wait_for()

    # The same edit again.
    page.get_by_role("tab", name="Paint").click()
    after, told = paint(person, tmp_path)
    assert np.array_equal(person.mask(), painted)
    page.locator("#made-by").get_by_text(f"step {step})").wait_for(state="attached")
    assert weights_hash(stopped.folder / "weights" / stopped.snapshot)[:8] in " ".join(told.values())
    assert (after[changed] != before[changed]).any(-1).mean() > 0.5
    assert np.array_equal(before[untouched], face.crop[untouched])
    assert np.array_equal(after[untouched], face.crop[untouched])

    # It goes on, and outlives the app.
    page.get_by_role("tab", name="Lab").click()
    page.locator("#lab-resume").click()
    page.locator("#lab-stop:enabled").wait_for()
    person.leave()
    studio.end()
    assert lab.state(NAME).running
    studio.start()
    person = Visitor(browser, studio.url)
    person.page.get_by_role("tab", name="Lab").click()
    person.page.set_default_timeout(PATIENCE * 1000)
    state_in_words(person.page, "running")
    studio.wait_until(lambda: lab.state(NAME).stats["step"] > step)
    studio.wait_until(lambda: points_of_the_curve(person.page) >= min(step, lab_view.POINTS // 2))
    person.page.locator("#lab-stop").click()
    state_in_words(person.page, "ended")
    person.leave()
