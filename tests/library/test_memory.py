"""Freed memory goes back to the system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
