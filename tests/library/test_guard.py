"""Which requests are refused: by the name they are for, and by the page they come from."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from maskgan.serving.guard import Guard, GuardedApp, host_and_port, is_from_here

UPLOAD = ("POST", "/gradio_api/upload")


def refused(guard: Guard, method: str, path: str, **headers: str) -> bool:
    """Whether a request with these headers is refused; `_` stands for `-`."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    reason = guard.refusal(method, path, raw)
    assert reason is None or reason.endswith("--allowed-host.")
    return reason is not None


@pytest.mark.parametrize(
    ("listens_on", "name", "is_refused"),
    [
        ("127.0.0.1", "127.0.0.1:7860", False),
        ("127.0.0.1", "LOCALHOST", False),
        ("127.0.0.1", "127.1.2.3", False),
        ("127.0.0.1", "[::1]:7860", False),
        ("::1", "[::1]:7860", False),
        ("127.0.0.1", "evil.example:7860", True),
        ("127.0.0.1", "localhost.evil.example", True),
        ("127.0.0.1", "127.0.0.1.evil.example", True),
        ("127.0.0.1", "127.0.0.1@evil.example", True),
        ("127.0.0.1", "192.168.1.5:7860", True),
        ("127.0.0.1", "", True),
        ("127.0.0.1", "[::1", True),
        ("::1", "evil.example:7860", True),
        ("0.0.0.0", "192.168.1.5:7860", False),
        ("0.0.0.0", "[fe80::1]:7860", False),
        ("0.0.0.0", "evil.example", True),
        ("::", "evil.example", True),
        ("studio.lan", "Studio.LAN.:80", False),
        ("studio.lan", "evil.example", True),
        ("192.168.1.5", "192.168.1.5", False),
    ],
)
def test_the_app_answers_to_its_own_names_only(listens_on: str, name: str, is_refused: bool) -> None:
    assert refused(Guard(listens_on), "GET", "/", host=name) == is_refused


def test_of_all_addresses_its_computers_name_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "Studio")
    monkeypatch.setattr("socket.getfqdn", lambda: "studio.example.org")
    for name in ("studio:7860", "studio.local:7860", "studio.example.org"):
        assert not refused(Guard("0.0.0.0"), "GET", "/", host=name)
        assert refused(Guard("127.0.0.1"), "GET", "/", host=name)


@pytest.mark.parametrize(
    ("headers", "is_refused"),
    [
        ({}, False),  # a program
        ({"origin": "http://localhost:7860"}, False),
        ({"origin": "http://127.0.0.1:7860"}, False),  # another name of this computer
        ({"origin": "http://localhost:7860", "sec_fetch_site": "same-origin"}, False),
        ({"origin": "http://evil.example"}, True),
        ({"origin": "http://evil.example", "sec_fetch_site": "cross-site"}, True),
        ({"origin": "http://localhost.evil.example:7860"}, True),
        ({"origin": "null"}, True),
        ({"origin": "http://evil.example", "sec_fetch_mode": "navigate", "sec_fetch_site": "cross-site"}, True),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"}, True),
        ({"sec_fetch_site": "same-site", "sec_fetch_mode": "no-cors"}, True),
    ],
)
def test_pages_of_other_sites_may_not_send(headers: dict[str, str], is_refused: bool) -> None:
    assert refused(Guard("127.0.0.1"), *UPLOAD, host="localhost:7860", **headers) == is_refused


def test_pictures_are_not_shown_on_other_sites_but_links_to_the_page_may_be_followed() -> None:
    guard, link = Guard("0.0.0.0"), {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    host = {"host": "10.0.0.2:7860"}
    assert not refused(guard, "GET", "/", **host, **link)
    assert refused(guard, "POST", "/", **host, **link)
    for path in ("/gradio_api/file=/tmp/gradio/x.png", "/gradio_api/queue/data", "/logout", "/config"):
        assert refused(guard, "GET", path, **host, **link)
        assert refused(guard, "GET", path, **host, sec_fetch_site="cross-site", sec_fetch_mode="no-cors")
        assert not refused(guard, "GET", path, **host, sec_fetch_site="same-origin", sec_fetch_mode="cors")


def test_the_page_itself_is_known_by_its_address_over_plain_http_too() -> None:
    guard = Guard("0.0.0.0")
    assert not refused(guard, *UPLOAD, host="10.0.0.2:7860", origin="http://10.0.0.2:7860")
    assert refused(guard, *UPLOAD, host="10.0.0.2:7860", origin="http://10.0.0.2:8080")
    assert refused(guard, *UPLOAD, host="10.0.0.2:7860", origin="http://10.0.0.3:7860")
    assert not refused(guard, *UPLOAD, host="10.0.0.2", origin="http://10.0.0.2:80")


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "studio.example"])
def test_a_proxy_in_front_needs_its_name_allowed_where_it_passes_it_on(host: str) -> None:
    """It may pass on the name that it was asked by, or put its own in place; browsers tell over HTTPS what they see."""
    page = {"origin": "https://studio.example", "sec_fetch_site": "same-origin"}
    assert refused(Guard("127.0.0.1"), *UPLOAD, host=host, **page) == (host == "studio.example")
    older = {"origin": "http://studio.example"}
    assert refused(Guard("127.0.0.1"), *UPLOAD, host=host, **older)
    assert not refused(Guard("127.0.0.1"), *UPLOAD, host="127.0.0.1", x_forwarded_host="studio.example", **older)
    told = Guard("127.0.0.1", ["studio.example"])
    for headers in (page, older):
        assert not refused(told, *UPLOAD, host=host, **headers)
    assert refused(told, *UPLOAD, host=host, origin="http://evil.example", x_forwarded_host="studio.example")


def test_the_public_link_is_a_name_once_it_is_known() -> None:
    guard, page = Guard("127.0.0.1"), {"host": "0123.gradio.live", "origin": "https://0123.gradio.live"}
    assert refused(guard, *UPLOAD, **page)
    guard.trust("https://0123.gradio.live")
    assert not refused(guard, *UPLOAD, **page)
    assert refused(guard, *UPLOAD, **{**page, "origin": "https://4567.gradio.live"})


@pytest.mark.parametrize("netloc", ["a:b", "[", "a:99999", "//"])
def test_what_is_no_name_is_none(netloc: str) -> None:
    assert host_and_port(netloc) == ("", None)


def test_nothing_reaches_the_app_that_is_refused_and_cookies_stay_at_home() -> None:
    seen: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["path"])
        cookie = (b"set-cookie", b"a=b; HttpOnly; SameSite=none; Secure")
        await send({"type": "http.response.start", "status": 200, "headers": [cookie]})
        await send({"type": "http.response.body", "body": b""})

    def answers(kind: str, embedded: bool = False, **headers: str) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": kind, "method": "POST", "path": "/login", "headers": raw}
        asyncio.run(GuardedApp(inner, Guard("127.0.0.1", embedded=embedded))(scope, None, send))
        return sent

    start, body = answers("http", host="localhost", origin="http://evil.example")
    assert start["status"] == 403 and b"--allowed-host" in body["body"]
    [closed] = answers("websocket", host="evil.example")
    assert closed["type"] == "websocket.close" and not seen
    for embedded, rule in ((False, b"lax"), (True, b"none")):
        start, _ = answers("http", embedded, host="localhost")
        assert (b"set-cookie", b"a=b; HttpOnly; SameSite=" + rule + b"; Secure") in start["headers"]
        told = dict(start["headers"])
        assert told[b"x-content-type-options"] == b"nosniff" and (b"x-frame-options" in told) == (not embedded)
        frames = told[b"content-security-policy"].partition(b"frame-ancestors ")[2]
        assert frames == (b"'self' https://huggingface.co https://*.hf.space" if embedded else b"'self'")
    assert seen == ["/login", "/login"]


@pytest.mark.parametrize(
    ("headers", "from_here"),
    [
        ({"host": "127.0.0.1:7860"}, True),
        ({"host": "localhost"}, True),
        ({"host": "[::1]:7860"}, True),
        ({"host": "studio.example"}, False),
        ({"host": "192.168.1.5:7860"}, False),
        ({}, False),
        ({"host": "localhost", "x-forwarded-for": "203.0.113.5"}, False),
        ({"host": "localhost", "x-forwarded-proto": "https"}, False),
        ({"host": "127.0.0.1", "forwarded": "for=203.0.113.5"}, False),
        ({"host": "127.0.0.1", "via": "1.1 proxy"}, False),
    ],
)
def test_a_request_through_a_proxy_is_not_from_here(headers: dict[str, str], from_here: bool) -> None:
    assert is_from_here(headers) == from_here


def test_an_app_with_another_name_is_not_local() -> None:
    assert Guard("127.0.0.1").local and Guard("::1").local and Guard("localhost", [""]).local
    for guard in (Guard("0.0.0.0"), Guard("192.168.1.5"), Guard("127.0.0.1", ["studio.example"])):
        assert not guard.local
