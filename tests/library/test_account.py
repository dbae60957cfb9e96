"""The account of an app: right, wrong, and slow for who guesses."""

from __future__ import annotations

import asyncio

import pytest

from maskgan.serving import account
from maskgan.serving.account import Account


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that answers were late by."""
    found: list[float] = []

    async def sleep(seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return found


def test_only_the_account_is_let_in(waits: list[float]) -> None:
    ours = Account("anna", "gehe\u00efm: 1")
    assert asyncio.run(ours.lets_in("anna", "gehe\u00efm: 1"))
    for user, password in (("anna", ""), ("", "gehe\u00efm: 1"), ("anna", "gehe\u00efm"), ("\u00ef", "x")):
        assert not asyncio.run(ours.lets_in(user, password))


def test_guessing_gets_slow_and_the_right_password_or_time_ends_that(
    waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Account("anna", "secret")
    for _ in range(40):
        assert not asyncio.run(ours.lets_in("anna", "guess"))
    assert waits[:4] == [0, 0, 0, 0] and waits[4] == 0.5 and waits == sorted(waits) and waits[-1] == 10
    assert asyncio.run(ours.lets_in("anna", "secret")) and waits[-1] == 10
    assert asyncio.run(ours.lets_in("anna", "secret")) and waits[-1] == 0
    for _ in range(10):
        asyncio.run(ours.lets_in("anna", "guess"))
    later = account.time.monotonic() + 601
    monkeypatch.setattr(account.time, "monotonic", lambda: later)
    asyncio.run(ours.lets_in("anna", "guess"))
    assert waits[-1] == 0
