"""Memory that was freed goes back to the system, for a server that runs for weeks."""

from __future__ import annotations

import ctypes
import sys
import threading
import time

#: Seconds between two times.
EVERY = 10.0


def give_back_freed_memory(every: float = EVERY) -> None:
    """From now on, in a thread of its own; where the C library is not glibc there is nothing to do.

    glibc keeps what was freed below something that is still held, for each thread apart, and Gradio's handlers run in
    several: after five minutes with eight painters nobody used 0.5 of 1.9 GB, and it went on growing.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is None:
        return

    def work() -> None:
        while True:
            time.sleep(every)
            trim(0)

    threading.Thread(target=work, name="freed memory", daemon=True).start()
