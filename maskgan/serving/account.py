"""The account that visitors log in with: compared without telling by the time it takes, and slow for who guesses."""

from __future__ import annotations

import asyncio
import hmac
import time

#: Wrong passwords in a row from which on answers come late, by how much more each time, and at most, in seconds.
_FREE, _STEP, _LONGEST = 3, 0.5, 10.0

#: Seconds without a wrong password after which all is forgotten.
_FORGET = 600.0


class Account:
    """The only account of an app."""

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user.encode(), password.encode()
        self._wrong, self._last = 0, 0.0

    async def lets_in(self, user: str, password: str) -> bool:
        """Whether it is the account; late after wrong ones, whoever sent them."""
        if time.monotonic() - self._last > _FORGET:
            self._wrong = 0
        await asyncio.sleep(min(max(0, self._wrong - _FREE) * _STEP, _LONGEST))
        # Both are compared whichever is wrong.
        right = hmac.compare_digest(user.encode(), self._user) & hmac.compare_digest(password.encode(), self._password)
        if right:
            self._wrong = 0
        else:
            self._wrong, self._last = self._wrong + 1, time.monotonic()
        return right
