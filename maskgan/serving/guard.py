"""Which requests a browser may send to the app: those for names that are its own, from pages that are its own.

A page of another site cannot read this app's answers, but it can send requests, and by DNS rebinding (a name of its own
that suddenly leads to this computer) it could read them too. So a request is refused when it is for a name that the app
does not have (`Host`), or when it comes from another site's page (`Origin`, `Sec-Fetch-Site`, which pages cannot
forge). Programs send neither of the latter two. Following a link to the page is free.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Callable[..., Any], Callable[..., Awaitable[None]]], Awaitable[None]]

#: What a browser says of a request by the page itself, or by its user.
_OWN_SITE = ("same-origin", "none")

#: Paths that only the page itself asks for.
_INNER = ("/gradio_api/", "/logout", "/login", "/config", "/queue/")

#: Headers by which proxies tell for whom they ask.
_OF_PROXIES = ("forwarded", "via", "x-real-ip", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")

_PORTS = {"http": 80, "https": 443}

#: What the page may load and run: what it comes with. Gradio's page has scripts and styles in its text, and its
#: components come as text too.
_CONTENT = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'self'"
)
_SPACES = " https://huggingface.co https://*.hf.space"


def host_and_port(netloc: str) -> tuple[str, int | None]:
    """The name (lower case, without brackets and final dot) and port of `name:port`; ("", None) for what is neither."""
    try:
        parts = urlsplit(f"//{netloc}")
        return (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return "", None


def is_loopback(name: str) -> bool:
    """Whether a name means this computer, to this computer."""
    return name == "localhost" or ((address := _address(name)) is not None and address.is_loopback)


def is_from_here(headers: Mapping[str, str]) -> bool:
    """Whether a request was sent on this computer, as far as its headers tell: by no other name, and by no proxy.

    headers: names in lower case.
    """
    name, _ = host_and_port(headers.get("host", ""))
    return is_loopback(name) and not any(header in headers for header in _OF_PROXIES)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


class Guard:
    """The names of an app, and what it refuses.

    Args:
        host: the address that it listens on. For any but this computer's own, addresses as numbers are taken too, for
            no other site can have one as its name; for 0.0.0.0 and :: also this computer's own name.
        names: more names, such as the one of a proxy in front; pages of these may call the app too.
        embedded: whether its page stands in a frame of another site, as on a Space; cookies then have to be sent there.
    """

    def __init__(self, host: str, names: Iterable[str] = (), embedded: bool = False) -> None:
        self.embedded = embedded
        self._trusted = {host_and_port(name)[0] for name in names} - {""}
        self._own: set[str] = set()
        bound = host.strip("[]").lower()
        address = _address(bound)
        self._numbers = not is_loopback(bound)
        if address is None or not address.is_unspecified:
            self._own.add(bound)
        else:
            own = socket.gethostname().lower()
            self._own |= {own, own.partition(".")[0] + ".local", socket.getfqdn().lower()}

    @property
    def local(self) -> bool:
        """Whether the app is reached by this computer's own names only."""
        return all(is_loopback(name) for name in self._own | self._trusted)

    def trust(self, url: str) -> None:
        """Take another address of the app, such as the public link, which is known only once the app runs."""
        self._trusted.add(host_and_port(urlsplit(url).netloc)[0])

    def refusal(self, method: str, path: str, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """A sentence on why a request is refused; None for a request that is not. Headers have lower-case names."""
        values = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
        host = host_and_port(values.get("host", ""))
        if not self._is_own(host[0]):
            return (
                f"This app does not answer to the name {host[0] or 'that was asked for'}; whoever runs it can allow "
                "that name with --allowed-host."
            )
        site, origin = values.get("sec-fetch-site"), values.get("origin")
        if site in _OWN_SITE:
            return None
        if origin is None:
            by_link = values.get("sec-fetch-mode") == "navigate" and not any(inner in path for inner in _INNER)
            if site is None or (by_link and method in ("GET", "HEAD")):
                return None
        elif self._is_own_page(origin, host, values.get("x-forwarded-host", "")):
            return None
        return (
            "This request comes from a page of another site, which may not use this app; whoever runs it can allow "
            "that site with --allowed-host."
        )

    def _is_own(self, name: str) -> bool:
        if is_loopback(name) or name in self._own or name in self._trusted:
            return True
        return self._numbers and _address(name) is not None

    def _is_own_page(self, origin: str, host: tuple[str, int | None], forwarded: str) -> bool:
        """Whether an `Origin` is the app's own, or one that may use it.

        A proxy in front may put the name that the page was asked by into `X-Forwarded-Host`. A page of another site
        cannot set that header without asking first, and it is refused when it asks.
        """
        scheme, _, netloc = origin.partition("://")
        name, port = host_and_port(netloc)
        if not name:  # "null": a file, or a frame without rights
            return False
        if name in self._trusted or (is_loopback(name) and is_loopback(host[0])):
            return True
        default = _PORTS.get(scheme)
        ours = (host, host_and_port(forwarded.partition(",")[0].strip()))
        return any((name, port or default) == (other, number or default) for other, number in ours)


class GuardedApp:
    """An ASGI application behind a guard: what the guard refuses is answered with its sentence and status 403."""

    def __init__(self, app: App, guard: Guard) -> None:
        self.app, self.guard = app, guard

    async def __call__(self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Awaitable[None]]) -> None:
        """Answer, or pass on to the application."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        reason = self.guard.refusal(scope.get("method", "GET"), scope["path"], scope["headers"])
        if reason is None:
            await self.app(scope, receive, _guarded(send, self.guard.embedded))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": reason})
        else:
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"vary", b"Origin, Sec-Fetch-Site")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": reason.encode()})


def _guarded(send: Callable[..., Awaitable[None]], embedded: bool) -> Callable[..., Awaitable[None]]:
    """Tell browsers what the page may do, which sites may show it in a frame, and to take files for what they are.

    But in a frame of another site (`embedded`) no cookie is sent along with requests of other sites' pages, as
    Gradio's account cookie would be.
    """
    policy = _CONTENT + (_SPACES if embedded else "")
    more = [(b"content-security-policy", policy.encode()), (b"x-content-type-options", b"nosniff")]
    if not embedded:
        more.append((b"x-frame-options", b"SAMEORIGIN"))

    def kept(name: bytes, value: bytes) -> tuple[bytes, bytes]:
        if name.lower() == b"set-cookie" and not embedded:
            value = value.replace(b"SameSite=none", b"SameSite=lax")
        return name, value

    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [kept(*header) for header in message.get("headers", [])] + more
        await send(message)

    return sent
