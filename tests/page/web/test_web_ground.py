"""A background goes on in the page without a server as it does in the app."""

import cv2
import numpy as np
import pytest
from web_visitor import Visitor

from maskgan.editing.continuing import lines_of_the_ground, with_plain_ground_gone_on, with_uneven_ground_completed
from maskgan.editing.ground_lines import GroundLines
from maskgan.labels import Label

CARRIED_ON = """async ([n, photo, known, hole]) => {
  const { GroundLines } = await import(new URL("web/ground_lines.js", location));
  const { picture } = await import(new URL("web/pixels.js", location));
  const lines = GroundLines.carriedOn(picture(n, n, 3, photo), known, hole, n);
  return lines && [lines.colours, lines.weight, lines.between, lines.near];
}"""

GOES_ON = """async ([n, colours, photo, unknown, mask]) => {
  const steps = await import(new URL("web/continuing.js", location));
  const { picture } = await import(new URL("web/pixels.js", location));
  const shown = picture(n, n, 3, new Uint8ClampedArray(photo));
  const lines = steps.linesOfTheGround(shown, unknown, mask, n);
  steps.letPlainGroundGoOn(colours, shown, unknown, mask, n, lines);
  const completed = steps.completeUnevenGround(colours, shown, unknown, mask, n, lines);
  return [colours, completed && completed.share.data];
}"""


def room(side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A photo (side, side, 3) uint8 of a room with a post, a ledge and a picture; where a person is and was in it."""
    y, x = np.mgrid[:side, :side] / side
    photo = np.where((x + 0.15 * (y - 0.5) < 0.2)[..., None], (120.0, 80.0, 50.0), (205.0, 198.0, 185.0))
    photo[(y > 0.62) & (x > 0.3)] = (70, 74, 90)
    photo[(abs(x - 0.85) < 0.1) & (y < 0.3)] = (150, 40, 35)
    photo = cv2.GaussianBlur(photo, (0, 0), side / 256) + np.random.default_rng(5).normal(0, 4, (side, side, 1))
    there, was = (np.hypot((x - 0.55) / wide, (y - 0.6) / high) < 1 for wide, high in ((0.2, 0.4), (0.38, 0.48)))
    return photo.clip(0, 255).astype(np.uint8), there, was & ~there


@pytest.mark.parametrize("side", [256, 512])
def test_lines_go_on_as_in_the_app(visitor: Visitor, side: int) -> None:
    photo, body, hole = room(side)
    shown = np.where(hole[..., None], np.float32(0), photo.astype(np.float32))
    known = ~hole & (cv2.dilate(body.astype(np.uint8), np.ones((7, 7))) == 0)
    wanted = GroundLines.carried_on(shown, known, hole)
    assert (wanted.weight > 0.9).sum() > 0.01 * side * side
    got = visitor.run(CARRIED_ON, side, shown, known.astype(np.uint8), hole.astype(np.uint8))
    for plane, own in zip(got, wanted, strict=True):
        off = np.abs(plane.reshape(own.shape) - own)
        off = off[wanted.weight > 0.05] if own is wanted.colours else off
        most = 0.02 if own.ndim == 2 else 2
        assert np.percentile(off, 99) < most, np.percentile(off, (90, 99, 99.9))
    plain = np.full((side, side, 3), 90, np.float32)
    assert visitor.run(CARRIED_ON, side, plain, known.astype(np.uint8), hole.astype(np.uint8)) is None


def test_a_room_goes_on_as_in_the_app(visitor: Visitor) -> None:
    photo, body, hole = room(256)
    photo[hole] = (40, 30, 25)
    mask = np.where(body, Label.SKIN, Label.BACKGROUND).astype(np.uint8)
    fog = np.full((256, 256, 3), 140, np.float32)
    lines = lines_of_the_ground(photo, hole, mask)
    wanted = with_plain_ground_gone_on(fog, photo, hole, mask, lines)
    wanted, ground = with_uneven_ground_completed(wanted, photo, hole, mask, lines)
    assert ground is not None and np.abs(wanted - fog)[hole].mean() > 20
    colours, share = visitor.run(GOES_ON, 256, fog, photo, hole.astype(np.uint8), mask)
    off = np.abs(colours.reshape(wanted.shape) - wanted).max(-1)
    assert np.percentile(off, 99) <= 2, np.percentile(off, (98, 99, 99.9))
    assert np.percentile(np.abs(share.reshape(mask.shape) - ground.share), 99) < 0.05
