"""What comes to light in the page without a server: a background that goes on, and strays that go, as in the app."""

import cv2
import numpy as np
import pytest
from drawn_faces import draw_face, hair_over_a_neck, in_glasses
from web_visitor import SIZE, Visitor

from maskgan.editing.completion import Completion
from maskgan.editing.continuing import lines_of_the_ground, with_plain_ground_gone_on, with_uneven_ground_completed
from maskgan.editing.frames_left import frames_left
from maskgan.editing.ground_detail import Detail
from maskgan.editing.ground_lines import GroundLines
from maskgan.editing.hat_grain import HatGrain
from maskgan.editing.out_of_focus import middle_out_of_focus
from maskgan.editing.strays import carried_hair, hair_over_neck, stray_hair, stray_strands
from maskgan.editing.texture import Grain
from maskgan.labels import BROWS, Label
from maskgan.quick_edits import QUICK_EDITS

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


GRAIN = """async ([n, painted, photo, unknown, mask]) => {
  const { Grain } = await import(new URL("web/grain.js", location));
  const { picture } = await import(new URL("web/pixels.js", location));
  return Grain.planned(picture(n, n, 3, painted), picture(n, n, 3, photo), unknown, mask).share.data;
}"""

OUT_OF_FOCUS = """async ([n, photo, behind, painted, known, hole]) => {
  const { Completion } = await import(new URL("web/completion.js", location));
  const { Detail } = await import(new URL("web/ground_detail.js", location));
  const { middleOutOfFocus } = await import(new URL("web/out_of_focus.js", location));
  const { picture } = await import(new URL("web/pixels.js", location));
  const { distances } = await import(new URL("web/regions.js", location));
  const seen = picture(n, n, 3, photo);
  const completion = Completion.planned(seen, picture(n, n, 3, painted), known, hole);
  const [away, detail] = [distances(known, n, n), new Detail(seen, known, n)];
  const { calm, soft } = middleOutOfFocus(completion, seen, behind, known, away, detail);
  return [calm, soft];
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


def found_on_the_page(visitor: Visitor, module: str, name: str, *given: np.ndarray) -> np.ndarray:
    """What a function of a script of the page finds in a photo, its mask and the edited one, (S, S)."""
    code = """async ([size, module, name, photo, before, after]) => {
      const { picture } = await import(new URL("web/pixels.js", location));
      const script = await import(new URL(`web/${module}.js`, location));
      return script[name](picture(size, size, 3, new Uint8ClampedArray(photo)), before, after);
    }"""
    return visitor.run(code, SIZE, module, name, *given).reshape(given[1].shape)


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


def test_strands_that_came_along_with_hair_are_found_as_in_the_app(visitor: Visitor) -> None:
    code = """async ([size, photo, mask, flow]) => {
      const { carriedHair } = await import(new URL("web/strays.js", location));
      const { picture } = await import(new URL("web/pixels.js", location));
      const moved = picture(size, size, 2, new Float32Array(flow));
      return carriedHair(picture(size, size, 3, new Uint8ClampedArray(photo)), mask, mask, moved);
    }"""
    mask = draw_face(SIZE)
    fringe = mask[:205, 262:345]
    fringe[fringe == Label.SKIN] = Label.HAIR
    photo = np.full((*mask.shape, 3), (214, 170, 150), np.uint8)
    photo[np.isin(mask, (Label.HAIR, *BROWS))] = (40, 30, 26)
    cv2.line(photo, (262, 150), (238, 185), (120, 95, 84), 14)
    flow = np.zeros((*mask.shape, 2), np.float32)
    flow[..., 0], flow[..., 1] = 12, np.linspace(0, 60, SIZE)[:, None]
    wanted = carried_hair(photo, mask, mask, flow)
    got = visitor.run(code, SIZE, photo, mask, flow)
    assert wanted.sum() > 200
    assert (got.reshape(wanted.shape) != wanted).sum() <= 0.01 * wanted.sum()


def test_strands_over_a_brow_are_found_as_in_the_app(visitor: Visitor) -> None:
    after = draw_face(SIZE)
    before, brow = after.copy(), after == Label.L_BROW
    top = int(np.nonzero(brow)[0].min())
    fringe = np.s_[: top - 14, 262:345]
    before[fringe][after[fringe] == Label.SKIN] = Label.HAIR
    photo = np.full((*after.shape, 3), (214, 170, 150), np.uint8)
    photo[np.isin(before, (Label.HAIR, *BROWS))] = (40, 30, 26)
    cv2.line(photo, (300, top - 20), (300, top + 8), (40, 30, 26), 14)
    wanted = stray_hair(photo, before, after)
    got = found_on_the_page(visitor, "strays", "strayHair", photo, before, after)
    assert (wanted & brow).sum() > 50
    assert (got.reshape(wanted.shape) != wanted).sum() <= 0.01 * wanted.sum()


def test_strands_in_the_air_are_found_as_in_the_app(visitor: Visitor) -> None:
    before = draw_face(SIZE, scale=0.7, extra=("long hair",))
    after = before.copy()
    after[250:][before[250:] == Label.HAIR] = Label.BACKGROUND
    photo = np.full((*before.shape, 3), 150, np.uint8)
    photo[before == Label.HAIR] = (40, 30, 26)
    right = int(np.flatnonzero((before == Label.HAIR)[380]).max())
    cv2.line(photo, (right - 6, 330), (right + 50, 370), (40, 30, 26), 3)
    left = int(np.flatnonzero((before == Label.HAIR)[380]).min())
    cv2.line(photo, (left + 6, 300), (left - 100, 410), (40, 30, 26), 11)  # a lock that goes on far below
    edge = int(np.flatnonzero((before == Label.HAIR)[300]).max())
    wall = (np.arange(SIZE) > edge + 44) & (np.arange(SIZE)[:, None] < 322) & (before == Label.BACKGROUND)
    rough = np.kron(np.random.default_rng(2).integers(-45, 46, (SIZE // 4, SIZE // 4, 1)), np.ones((4, 4, 1), int))
    photo = np.where(wall[..., None], photo + rough, photo).clip(0, 255).astype(np.uint8)
    cv2.line(photo, (edge - 6, 296), (edge + 78, 304), (40, 30, 26), 3)  # a strand that ends before rough plaster
    wanted = stray_strands(photo, before, after)
    assert wanted[400, : left - 60].any() and wanted[303, edge + 62 : edge + 76].all()
    got = found_on_the_page(visitor, "strays", "strayStrands", photo, before, after)
    assert wanted.sum() > 200
    assert (got.reshape(wanted.shape) != wanted).sum() <= 0.01 * wanted.sum()


def test_arms_of_glasses_are_found_as_in_the_app(visitor: Visitor) -> None:
    photo, before, arms = in_glasses(SIZE, (30, 28, 30))
    after = QUICK_EDITS["remove_glasses"].apply(before)
    wanted = frames_left(photo, before, after)
    got = found_on_the_page(visitor, "frames_left", "framesLeft", photo, before, after).reshape(wanted.shape)
    assert wanted[arms].mean() > 0.9 and (got != wanted).sum() <= 0.02 * wanted.sum()


def test_hair_over_a_neck_is_found_as_in_the_app(visitor: Visitor) -> None:
    photo, lock, before, after = hair_over_a_neck()
    wanted = hair_over_neck(photo, before, after)
    got = found_on_the_page(visitor, "strays", "hairOverNeck", photo, before, after)
    assert wanted[lock].mean() > 0.8
    assert (got.reshape(wanted.shape) != wanted).sum() <= 0.01 * wanted.sum()


@pytest.mark.parametrize("below", ["floor", "lawn", "bricks"])
def test_the_middle_of_a_hole_is_out_of_focus_as_in_the_app(visitor: Visitor, below: str) -> None:
    photo, body, hole = (part.copy() for part in room(256))
    y, x = np.mgrid[:256, :256] // 5
    if below == "lawn":
        grass = np.random.default_rng(3).normal(0, 60, (256, 256, 1)).astype(np.float32)
        photo[128:] = (90 + cv2.GaussianBlur(grass, (0, 0), 1)[128:, :, None]).clip(0, 255)
    if below == "bricks":
        joint = (y % 3 == 0) | ((x + 3 * (y // 3 % 2)) % 6 == 0)
        photo[:] = np.where(joint[..., None], (190, 180, 170), (140, 70, 50))
    known = ~hole & (cv2.dilate(body.astype(np.uint8), np.ones((7, 7))) == 0)
    shown = np.where(hole[..., None], np.float32(0), photo.astype(np.float32))
    fog = cv2.GaussianBlur(shown, (0, 0), 9)
    away = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    completion = Completion.planned(shown, fog, known, hole)
    calm, soft = middle_out_of_focus(completion, shown, photo.astype(np.float32), known, away, Detail.of(shown, known))
    assert below == "bricks" or calm[hole].max() > 0.9
    assert below == "floor" or calm[hole & (np.arange(256)[:, None] > 180)].mean() < 0.2
    planes = shown, photo.astype(np.float32), fog, known.astype(np.uint8), hole.astype(np.uint8)
    got, colours = visitor.run(OUT_OF_FOCUS, 256, *planes)
    assert np.percentile(np.abs(got.reshape(calm.shape) - calm)[hole], 99) < 0.02
    assert np.percentile(np.abs(colours.reshape(soft.shape) - soft), 99.9) < 1


def test_a_wall_gets_its_grain_as_in_the_app(visitor: Visitor) -> None:
    photo, body, hole = room(256)
    mask = np.where(body, Label.SKIN, Label.BACKGROUND).astype(np.uint8)
    painted = cv2.GaussianBlur(photo, (0, 0), 6).astype(np.float32)
    painted[body] = photo[body] = (60, 40, 30)
    photo = photo.astype(np.float32)
    wanted = Grain.planned(painted, photo, hole, mask).share
    got = visitor.run(GRAIN, 256, painted, photo, hole.astype(np.uint8), mask).reshape(wanted.shape)
    assert (wanted[hole] > 0.1).mean() > 0.3
    assert np.percentile(np.abs(got - wanted), 98) < 0.05, np.percentile(np.abs(got - wanted), (90, 95, 98, 99))


def test_a_hat_s_fine_texture_is_that_of_the_app(visitor: Visitor) -> None:
    code = """async ([size, side, crop, hat, larger]) => {
      const { HatGrain } = await import(new URL("web/hat_grain.js", location));
      const { picture } = await import(new URL("web/pixels.js", location));
      const grain = HatGrain.of(picture(size, size, 3, new Uint8ClampedArray(crop)), hat);
      return [grain.amount, grain.lighter(picture(side, side, 3, new Uint8ClampedArray(larger)))];
    }"""
    larger = room(384)[0]
    crop = cv2.resize(larger, (256, 256), interpolation=cv2.INTER_AREA)
    hat = np.zeros((256, 256), np.uint8)
    cv2.ellipse(hat, (120, 30), (80, 50), 0, 0, 360, 1, -1)
    wanted = HatGrain.of(crop, hat > 0)
    lighter = wanted.lighter(larger)
    assert wanted.amount[hat > 0].mean() > 0.005 and lighter.std() > 0.001
    got = visitor.run(code, 256, 384, crop, hat, larger)
    for plane, own in zip(got, (wanted.amount, lighter), strict=True):
        assert np.abs(plane.reshape(own.shape) - own).max() < 0.02 * own.max()
