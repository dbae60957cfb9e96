"""Other sites' pages against a running app, as programs and as Chromium send their requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

pytest.importorskip("gradio")

import gradio as gr
import httpx
from conftest import tiny_pipeline
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder
from gradio_client import Client
from test_options import started

EVIL = "http://evil.example:7861"
PICTURE = {"files": ("a.png", b"\x89PNG", "image/png")}


@pytest.fixture(scope="module")
def app() -> Iterator[gr.Blocks]:
    """With a proxy's name, and an account, whose cookie browsers keep."""
    with started(tiny_pipeline(), "--allowed-host", "studio.example", "--auth", "anna:secret") as app:
        yield app


@pytest.fixture(scope="module")
def visitor(app: gr.Blocks) -> httpx.Client:
    """Whoever has logged in."""
    client = httpx.Client(base_url=app.local_url, timeout=300)
    answer = client.post("/login", data={"username": "anna", "password": "secret"})
    assert answer.status_code == 200 and "samesite=none" not in str(answer.headers).lower()
    assert client.post("/login", data={"username": "anna", "password": "guess"}).status_code == 400
    token = answer.headers["set-cookie"].split(";")[0]  # httpx keeps Secure cookies to HTTPS
    client.headers["Cookie"] = token
    return client


def test_foreign_pages_may_neither_send_nor_read(visitor: httpx.Client) -> None:
    shown = save_bytes_to_cache(b"a picture", "a.png", get_upload_folder())
    requests = [
        ("GET", f"/gradio_api/file={shown}", {}),
        ("POST", "/gradio_api/upload", {"files": PICTURE}),
        ("POST", "/gradio_api/queue/join", {"json": {"data": [], "fn_index": 0, "session_hash": "x"}}),
        ("POST", "/gradio_api/call/detect", {"json": {"data": [None]}}),
        ("GET", "/config", {}),
        ("GET", "/gradio_api/queue/data?session_hash=x", {}),
    ]
    for method, path, content in requests:
        answer = visitor.request(method, path, headers={"Origin": EVIL}, **content)
        assert answer.status_code == 403 and "another site" in answer.text, path
        assert "access-control-allow-origin" not in answer.headers
        rebound = visitor.request(method, path, headers={"Host": "evil.example:7861", "Origin": EVIL}, **content)
        assert rebound.status_code == 403 and "does not answer to the name evil.example" in rebound.text, path
    asked = {"Origin": EVIL, "Access-Control-Request-Method": "POST"}
    assert visitor.options("/gradio_api/upload", headers=asked).status_code == 403
    own = visitor.post("/gradio_api/upload", files=PICTURE, headers={"Origin": str(visitor.base_url).rstrip("/")})
    assert own.status_code == 200


def test_a_proxy_with_an_allowed_name_serves(app: gr.Blocks, visitor: httpx.Client) -> None:
    """With the Host that it was asked by, or with its own, and the name in X-Forwarded-Host."""
    origin = {"Origin": "https://studio.example", "Sec-Fetch-Site": "same-origin"}
    for headers in ({"Host": "studio.example"}, {"X-Forwarded-Host": "studio.example", "X-Forwarded-Proto": "https"}):
        answer = visitor.post("/gradio_api/upload", files=PICTURE, headers={**origin, **headers})
        assert answer.status_code == 200
        assert visitor.get("/config", headers=headers).json()["root"].endswith("://studio.example")
    client = Client(app.local_url, verbose=False, auth=("anna", "secret"), httpx_kwargs={"timeout": 300})
    assert client.view_api(print_info=False, return_format="dict")["named_endpoints"]


def test_ipv6_and_a_path_behind_a_proxy() -> None:
    with started(tiny_pipeline(), "--host", "::1", "--root-path", "https://studio.example/faces") as app:
        assert httpx.get(app.local_url).status_code == 200
        origin = {"Origin": EVIL}
        assert httpx.post(f"{app.local_url}gradio_api/upload", files=PICTURE, headers=origin).status_code == 403
        config = httpx.get(f"{app.local_url}config", headers={"Host": "studio.example"}).json()
        assert config["root"] == "https://studio.example/faces"


def privacy(app: gr.Blocks, **headers: str) -> str:
    """The line of the header that says where photos go."""
    components = httpx.get(f"{app.local_url}config", headers=headers).json()["components"]
    heading = next(part["props"]["value"] for part in components if "privacy" in str(part["props"].get("value")))
    return heading.partition('class="privacy">')[2].partition("<")[0]


@pytest.mark.parametrize("way", ["option", "variable", "allowed name"])
def test_behind_a_proxy_the_page_does_not_claim_that_photos_stay(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"option": ["--root-path", "/faces"], "allowed name": ["--allowed-host", "studio.example"]}
    if way == "variable":
        monkeypatch.setenv("GRADIO_ROOT_PATH", "https://studio.example/faces")
    with started(tiny_pipeline(), *options.get(way, [])) as app:
        assert "Photos go to the server of this page" in privacy(app)
        if way == "variable":
            config = httpx.get(f"{app.local_url}config", headers={"Host": "studio.example"}).json()
            assert config["root"] == "https://studio.example/faces"


@pytest.mark.browser
def test_a_proxy_that_the_app_was_not_told_of_is_noticed(browser) -> None:
    """Its requests come from this computer and for this computer's name; its headers say for whom."""
    claim, hosted = "Nothing leaves this computer", "Photos go to the server of this page"
    with started(tiny_pipeline()) as app:
        assert claim in privacy(app)
        for headers, says in (({}, claim), ({"X-Forwarded-For": "203.0.113.5"}, hosted)):
            page = browser.new_page(extra_http_headers=headers)
            try:
                page.goto(app.local_url)
                text = page.locator(".page-head .privacy")
                text.wait_for(timeout=120_000)
                page.wait_for_function(
                    "says => document.querySelector('.page-head .privacy').textContent.includes(says)",
                    arg=says,
                    timeout=120_000,
                )
                page.wait_for_timeout(1500)  # it stays so
                assert says in text.text_content()
            finally:
                page.close()


class _Evil(BaseHTTPRequestHandler):
    """A page that sends a picture to an app, asks it for its settings, and shows a file of it."""

    def do_GET(self) -> None:
        app = self.server.app
        page = f"""<title>waiting</title><script>
        const form = new FormData(); form.append("files", new Blob(["x"]), "a.png");
        const outcome = (promise) => promise.then((answer) => answer.type + answer.status, () => "failed");
        Promise.all([
          outcome(fetch("{app}gradio_api/upload", {{method: "POST", body: form, mode: "no-cors"}})),
          outcome(fetch("{app}config")),
        ]).then((all) => {{ document.title = all.join(" "); }});
        </script>"""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.browser
def test_in_chromium_another_site_s_page_uploads_nothing_and_a_rebound_name_shows_nothing(browser) -> None:
    with started(tiny_pipeline()) as app, ThreadingHTTPServer(("127.0.0.1", 0), _Evil) as evil:
        evil.app = app.local_url
        threading.Thread(target=evil.serve_forever, args=(0.05,), daemon=True).start()
        before = set(app.upload_file_set)
        page = browser.new_page()
        page.set_default_timeout(120_000)
        page.goto(f"http://evil.localhost:{evil.server_port}/")  # Chromium itself leads such names to this computer
        page.wait_for_function("document.title !== 'waiting'")
        assert page.title() == "opaque0 failed"  # sent, but unreadable: the app itself has to refuse it
        assert set(app.upload_file_set) == before
        answer = page.goto(f"http://evil.localhost:{urlsplit(app.local_url).port}/")
        assert answer.status == 403 and "does not answer to the name evil.localhost" in page.content()
        assert page.goto(app.local_url).status == 200
        page.get_by_role("tab", name="Paint").wait_for()
        page.close()
        evil.shutdown()
