"""The page without a browser: the same events, in the same words, as Gradio's own JavaScript sends.

A `HeadlessPage` holds the components' values, sends a dependency's inputs to the queue, listens to the one stream of
answers that its session has, takes the outputs over, and goes on with the events that follow by themselves
(`.success`). It is there because sixteen browsers would need the machine for themselves, and `gradio_client` knows
neither clicks with data nor strokes on the canvas.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx

_API = "/gradio_api"


class PageError(Exception):
    """What a visitor would see as an error or a warning on the page."""


class HeadlessPage:
    """One visitor's page; use it with `async with HeadlessPage.open(http, url) as page`."""

    def __init__(self, http: httpx.AsyncClient, url: str, config: dict[str, Any]) -> None:
        self.http, self.url = http, url
        self.session = secrets.token_hex(6)
        self.values = {component["id"]: component["props"].get("value") for component in config["components"]}
        self.names = {
            component["props"].get("elem_id") or f"#{component['id']}": component["id"]
            for component in config["components"]
        }
        self.dependencies = [dependency for dependency in config["dependencies"] if dependency["backend_fn"]]
        self._answers: dict[str, asyncio.Future[list[Any]]] = {}
        self._listener: asyncio.Task[None] | None = None
        self._warnings: list[str] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, http: httpx.AsyncClient, url: str) -> AsyncIterator[HeadlessPage]:
        """Load the page, with what it does by itself at first, and leave it at the end."""
        page = cls(http, url, (await http.get(f"{url}/config")).raise_for_status().json())
        heart = asyncio.create_task(page._keep_alive())
        try:
            for dependency in page.dependencies:
                if any(event == "load" for _, event in dependency["targets"]):
                    await page._run(dependency, None)
            yield page
        finally:
            for task in (heart, page._listener):
                if task is not None:
                    task.cancel()

    def put(self, name: str, value: Any) -> None:
        """Change a component, by its element id, as a visitor does; `fire` then says so."""
        self.values[self.names[name]] = value

    async def fire(self, name: str, event: str, data: Any = None) -> dict[str, Any]:
        """Send an event of a component, and what follows from it; what was answered, by element id.

        data: of the event itself, such as which picture of a gallery was clicked.
        Raises PageError for an error or a warning that a visitor would see.
        """
        answered: dict[str, Any] = {}
        for dependency in self.dependencies:
            if [self.names[name], event] in dependency["targets"]:
                answered |= await self._run(dependency, data)
        return answered

    async def upload(self, name: str, content: bytes) -> dict[str, Any]:
        """A file for the server; what a file component holds then."""
        answer = await self.http.post(f"{self.url}{_API}/upload", files={"files": (name, content)})
        path = answer.raise_for_status().json()[0]
        return {"path": path, "orig_name": name, "size": len(content), "meta": {"_type": "gradio.FileData"}}

    async def load(self, file: dict[str, Any]) -> bytes:
        """The content of a file that the server named."""
        return (await self.http.get(file["url"])).raise_for_status().content

    # ------------------------------------------------------------------ the protocol

    async def _run(self, dependency: dict[str, Any], data: Any) -> dict[str, Any]:
        body = {
            "data": [self.values[number] for number in dependency["inputs"]],
            "fn_index": dependency["id"],
            "event_data": data,
            "trigger_id": dependency["targets"][0][0],
            "session_hash": self.session,
        }
        joined = await self.http.post(f"{self.url}{_API}/queue/join", json=body)
        if joined.is_error:
            raise PageError(f"The queue answered {joined.status_code}: {joined.text[:200]}")
        event = joined.json()["event_id"]
        answer = self._answer(event)
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        outputs = await answer
        del self._answers[event]
        if self._warnings:
            raise PageError(self._warnings.pop())
        answered = {}
        labels = {number: name for name, number in self.names.items()}
        for number, value in zip(dependency["outputs"], outputs, strict=True):
            if isinstance(value, dict) and value.get("__type__") == "update":
                if "value" not in value:
                    continue
                value = value["value"]
            self.values[number] = value
            answered[labels[number]] = value
        for following in self.dependencies:
            if following.get("trigger_after") == dependency["id"]:
                answered |= await self._run(following, None)
        return answered

    def _answer(self, event: str) -> asyncio.Future[list[Any]]:
        """Of an event; either side, who asks and who listens, may be first."""
        if event not in self._answers:
            self._answers[event] = asyncio.get_running_loop().create_future()
        return self._answers[event]

    async def _listen(self) -> None:
        """Take answers from the stream for as long as any are awaited; the server ends it when none are left."""
        try:
            while not all(answer.done() for answer in self._answers.values()):
                address = f"{self.url}{_API}/queue/data"
                async with self.http.stream("GET", address, params={"session_hash": self.session}) as stream:
                    async for line in stream.raise_for_status().aiter_lines():
                        if line.startswith("data:"):
                            self._take(json.loads(line[5:]))
        except (httpx.HTTPError, ValueError) as problem:
            self._fail(f"The stream of answers broke: {problem!r}")
        finally:
            self._listener = None

    def _take(self, message: dict[str, Any]) -> None:
        kind = message["msg"]
        if kind == "process_completed":
            answer, output = self._answer(message["event_id"]), message["output"]
            if message["success"]:
                answer.set_result(output["data"])
            else:
                answer.set_exception(PageError(str(output.get("error") or "An error without words.")))
        elif kind == "log" and message["level"] in ("warning", "error"):
            self._warnings.append(message["log"])
        elif kind == "unexpected_error":
            self._fail(message["message"])

    def _fail(self, reason: str) -> None:
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(PageError(reason))

    async def _keep_alive(self) -> None:
        """The connection by whose end the server knows that a visitor has left."""
        with contextlib.suppress(httpx.HTTPError):
            async with self.http.stream("GET", f"{self.url}{_API}/heartbeat/{self.session}") as stream:
                async for _ in stream.aiter_raw():
                    pass
