"""Freed memory goes back to the system, and what stays from the start is not searched for garbage."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from maskgan.serving.memory import uncollected

# A process of its own, so that nothing else frees or takes memory. Blocks of 100 kB are too small for glibc to map
# each by itself, and the last one keeps the heap from shrinking.
PROGRAM = """
import time
import psutil
from maskgan.serving.memory import give_back_freed_memory

def megabytes():
    return psutil.Process().memory_info().rss / 1e6

start = megabytes()
held = [b"x" * 100_000 for _ in range(2000)]
held = held[-1:]
freed = megabytes() - start
give_back_freed_memory(every=0.05)
until = time.monotonic() + 60
while megabytes() - start > 50 and time.monotonic() < until:
    time.sleep(0.05)
print(freed, megabytes() - start)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is Linux's")
def test_what_was_freed_is_given_back() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=root, capture_output=True, text=True, timeout=600, check=True
    )
    before, after = map(float, done.stdout.split())
    if before < 150:
        pytest.skip("this C library gives memory back by itself")
    assert after < 50


ARENAS = """
import ctypes
import sys
import threading
from maskgan.serving.memory import keep_few_arenas

if sys.argv[1] == "few":
    keep_few_arenas()
libc, held, all_hold = ctypes.CDLL(None), [], threading.Barrier(9)
libc.fopen.restype, libc.malloc_info.argtypes = ctypes.c_void_p, (ctypes.c_int, ctypes.c_void_p)
libc.fclose.argtypes = (ctypes.c_void_p,)

def hold():
    held.append(ctypes.create_string_buffer(100_000))
    all_hold.wait()
    all_hold.wait()

threads = [threading.Thread(target=hold) for _ in range(8)]
for thread in threads:
    thread.start()
all_hold.wait()
place = sys.argv[2].encode()
file = libc.fopen(place, b"w")
libc.malloc_info(0, file)
libc.fclose(file)
all_hold.wait()
print(open(place).read().count("<heap nr="))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is Linux's")
def test_threads_share_few_arenas(tmp_path: Path) -> None:
    root, counts = Path(__file__).parents[2], {}
    for which in ("few", "usual"):
        command = [sys.executable, "-c", ARENAS, which, str(tmp_path / which)]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=600, check=True)
        counts[which] = int(done.stdout)
    if counts["usual"] < 4:
        pytest.skip("this C library has few arenas by itself")
    assert counts["few"] <= 2


def test_what_the_start_makes_is_not_searched_for_garbage_until_weights_are_replaced() -> None:
    former = gc.get_freeze_count()
    made: list[list[object]] = []
    with uncollected():
        assert not gc.isenabled()
        made.extend([] for _ in range(5000))
        made[0].append(made[0])
        del made[0]
    assert gc.isenabled() and gc.get_freeze_count() > former + 4000
    assert not any(each is made[0] for each in gc.get_objects())
    gc.unfreeze()
    assert gc.collect() >= 1 and gc.get_freeze_count() == 0
