"""How a stage ends: with one sentence when it cannot go on, in good order when it is asked to."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from maskgan.files import advice


class TrainingStoppedError(RuntimeError):
    """A run that cannot go on; the message is one sentence that says what to do."""


class NothingToDo(Exception):  # noqa: N818
    """A run has done all that it was asked to; the message is a sentence that says so."""


def run_script(main: Callable[[], None]) -> None:
    """Run a stage's `main`; errors that people can mend end the program with their sentence and exit code 1."""
    try:
        main()
    except NothingToDo as news:
        print(news)
    except OSError as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {advice(error)}")
    except (TrainingStoppedError, ValueError) as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")


class StopSignals:
    """Within its `with` block the first SIGTERM or Ctrl+C only sets `received`; the second acts as before the block.

    Attributes:
        received: whether one came.
    """

    def __init__(self) -> None:
        self.received = False
        self._former: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopSignals:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._former[number] = signal.getsignal(number)
            signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._restore()

    def _receive(self, number: int, frame: object) -> None:
        self.received = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
