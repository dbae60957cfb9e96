"""Processes that begin with everything loaded: forked by a server that has imported torch, Gradio and the lab once.

A script that is started from its file spends ten seconds of processor time on imports before its first line. Where the
start itself is not what a test is about, the same file runs here as `__main__` in a process of its own all the same:
it has its own environment, output and exit code, and can be killed.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
#: What is loaded once. Nothing of it starts threads or reads the variables that tests set.
LOADED = [
    "app", "lab.train_ebst", "lab.train_mask_vae", "lab.train_parser", "maskgan.serving.account",
    "maskgan.ui.api", "maskgan.ui.app", "maskgan.ui.examples", "maskgan.ui.zero_gpu", "torch._dynamo",
]  # fmt: skip
#: Set as the server starts, since libraries read them when they are loaded.
FROM_THE_START = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
APP = ROOT / "app.py"
PATIENCE = 300  # seconds; only what never ends takes as long


def _script(path: Path, flags: list[str], environment: dict[str, str], output: Path) -> None:
    """The life of one process: the script as if Python had been started with it."""
    with output.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    sys.stdout, sys.stderr = (open(number, "w", buffering=1, closefd=False) for number in (1, 2))  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    if path == APP:
        from gradio import networking

        from maskgan.ui.examples import Examples

        networking.url_ok = lambda _: True  # asks itself once and gives up after 3 s; tests ask for longer
        Examples.prepare_in_background = lambda _: None  # 20 s of a core; those that a test opens are prepared then
    sys.argv = [str(path), *flags]
    runpy.run_path(str(path), run_name="__main__")


def start(script: str | Path, *flags: object, output: Path, **variables: str) -> BaseProcess:
    """Start a script on the CPU, on one thread, with these environment variables beside those of this process.

    script: a name in lab/, or APP; output: the file that its standard output and error are appended to.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    environment = {**os.environ, **FROM_THE_START, **variables}
    former = {name: os.environ.get(name) for name in FROM_THE_START}
    os.environ.update(FROM_THE_START)
    try:
        process = context.Process(
            target=_script, args=(ROOT / "lab" / script, [str(flag) for flag in flags], environment, output)
        )
        process.start()
    finally:
        for name, value in former.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    return process


def ended(process: BaseProcess) -> int:
    """Wait for a process; its exit code."""
    process.join(PATIENCE)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"{process.name} did not end in {PATIENCE} s")
    return process.exitcode


class Popen:
    """What `subprocess.Popen` is to code that starts scripts of lab/ and waits for them."""

    def __init__(self, command: Sequence[str], *, stdout: IO[bytes], stderr: int, env: Mapping[str, str]) -> None:
        _, script, *flags = command
        self.process = start(script, *flags, output=Path(stdout.name), **env)

    def wait(self) -> int:
        """The exit code, when it has ended."""
        return ended(self.process)
