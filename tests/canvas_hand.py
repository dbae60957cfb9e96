"""A hand on the mask canvas of a page: a mouse in mask coordinates, wherever the page has laid the canvas out."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from maskgan.labels import Label

#: Resolves once a point of the canvas, and one of the result where there is one, have kept their place on the screen
#: for some frames: on a busy machine a page is laid out anew long after it answers. Rejects after a minute.
_STANDS_STILL = """([canvas, frames]) => new Promise((done, failed) => {
  const hand = document.querySelector(canvas).maskCanvas;
  const places = () => {
    try {
      return JSON.stringify([hand.canvasToClient(0, 0), hand.canvasToClient(64, 64), hand.resultToClient(0, 0)]);
    } catch {
      return JSON.stringify([hand.canvasToClient(0, 0), hand.canvasToClient(64, 64)]);
    }
  };
  const end = performance.now() + 60_000;
  let last = "", still = 0;
  const look = () => {
    const now = places();
    still = now === last ? still + 1 : 0;
    last = now;
    if (still >= frames) done();
    else if (performance.now() > end) failed(new Error("the canvas does not come to rest"));
    else requestAnimationFrame(look);
  };
  look();
})"""


#: Bytes as one text: Playwright checks a list number by number, which for a mask takes a second of processor time.
PACKED = """(bytes) => {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.slice(i, i + 8192));
  return btoa(text);
}"""


def unpacked(text: str) -> np.ndarray:
    """What PACKED has packed, flat uint8."""
    return np.frombuffer(base64.b64decode(text), np.uint8).copy()


def mask_on(page: Any, selector: str) -> np.ndarray:
    """What is on the canvas of a page, (size, size) uint8."""
    text = page.evaluate(f"({PACKED})(document.querySelector('{selector}').maskCanvas.getMask())")
    mask = unpacked(text)
    return mask.reshape(round(mask.size**0.5), -1)


class CanvasHand:
    """Drives the canvas of one page, which the selector finds."""

    selector = "#canvas .mask-canvas"

    def __init__(self, page: Any) -> None:
        self.page = page

    def call(self, expression: str) -> Any:
        return self.page.evaluate(f"document.querySelector('{self.selector}').maskCanvas.{expression}")

    def mask(self) -> np.ndarray:
        """What is on the canvas, (size, size) uint8."""
        return mask_on(self.page, self.selector)

    def settle(self, frames: int = 4) -> None:
        """Until nothing moves under the mouse any more."""
        self.page.evaluate(_STANDS_STILL, [self.selector, frames])

    def _move(self, on: str, x: float, y: float, steps: int = 1) -> list[float]:
        place = self.call(f"{on}ToClient({x}, {y})")
        self.page.mouse.move(*place, steps=steps)
        return place

    def to(self, x: float, y: float, steps: int = 1, on: str = "canvas") -> None:
        """Move the mouse to a point of the mask, on the canvas or on the result."""
        for _ in range(20):
            if self._move(on, x, y, steps) == self.call(f"{on}ToClient({x}, {y})"):
                return
            self.settle()
        raise AssertionError("the canvas moves away from under the mouse")

    def drag(self, *points: tuple[float, float], on: str = "canvas", steps: int = 6) -> None:
        """Press at the first point, go through the others, and let go."""
        # A click elsewhere may have scrolled the canvas out of the window, where a mouse cannot reach it.
        pane = f"{self.selector} .mc-stage" if on == "canvas" else ".mask-result"
        self.page.locator(pane).first.scroll_into_view_if_needed()
        self.settle()
        self.to(*points[0], on=on)
        self.page.mouse.down()
        for point in points[1:]:
            self._move(on, *point, steps=steps)
        self.page.mouse.up()

    def click(self, x: float, y: float) -> None:
        self.drag((x, y))

    def stroke(self, label: Label, start: tuple[float, float], end: tuple[float, float], size: int = 24) -> None:
        """A straight stroke of the brush."""
        self.call("setTool('brush')")
        self.call(f"setClass({int(label)})")
        self.call(f"setSize({size})")
        self.drag(start, end, steps=8)

    def _wait_for_mask(self, mask: np.ndarray, comparison: str) -> np.ndarray:
        self.page.wait_for_function(
            f"text => ({PACKED})(document.querySelector('{self.selector}').maskCanvas.getMask()) {comparison} text",
            arg=base64.b64encode(mask.astype(np.uint8).tobytes()).decode(),
            polling=50,  # ms
        )
        return self.mask()

    def wait_for_mask(self, other_than: np.ndarray) -> np.ndarray:
        """Until the canvas holds another mask than this; it and the result do not arrive at the same moment."""
        return self._wait_for_mask(other_than, "!==")

    def wait_until_mask_is(self, mask: np.ndarray) -> None:
        """Until the canvas holds this mask."""
        self._wait_for_mask(mask, "===")

    def another_face(self, act: Any) -> int:
        """Do something that opens another face, and wait until it is on the canvas; its id."""
        before = self.call("id")
        act()
        self.page.wait_for_function(
            f"before => document.querySelector('{self.selector}').maskCanvas.id !== before", arg=before
        )
        self.settle()
        return self.call("id")


def sources(page: Any, selector: str) -> list[str]:
    """Addresses of the pictures that a selector finds, all at one moment; they hold a hash of the picture."""
    return page.locator(selector).evaluate_all("pictures => pictures.map((picture) => picture.getAttribute('src'))")
