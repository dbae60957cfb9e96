"""Hair on the page without a server: cut, put on and recoloured, and what lies behind it, as in the app."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from drawn_faces import draw_face
from PIL import Image
from web_visitor import SIZE, Visitor, edited_in_python, levels, pipeline_of

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

from maskgan.editing.bared_edges import with_even_edges
from maskgan.editing.beards import beard_of, edited_beneath
from maskgan.editing.drawn_back import DrawnBack
from maskgan.editing.dressing import beneath
from maskgan.editing.ears import with_ears
from maskgan.editing.flows import disc, grown, warp_mask
from maskgan.editing.hair_colours import colours_of_hair
from maskgan.editing.hairdressing import Hairpieces, seen_of
from maskgan.editing.looks import LOOKS, looks_with, wearing
from maskgan.editing.oklab import to_oklab
from maskgan.editing.paint_colours import in_colours_of_the_photo
from maskgan.editing.painted_hair import CURLY, STRAIGHT, hairpieces_for
from maskgan.editing.sideburns import instead_of_sideburns
from maskgan.editing.strays import stray_hair
from maskgan.editing.unknown import unknown_after
from maskgan.editing.warping import Motion, flow_between
from maskgan.images import differs, read_photo
from maskgan.labels import BROWS, EARS, Label
from maskgan.quick_edits import QUICK_EDITS
from maskgan.quick_edits.scene import Scene

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def test_hair_is_cut_as_in_the_app(folder: Path, visitor: Visitor, photo: Path) -> None:
    visitor.call("reset()")
    visitor.wait_for_drawing()
    original = visitor.mask()
    visitor.page.locator("[data-edit=shorter_hair]").click()
    visitor.wait(lambda: (visitor.mask() != original).any(), "the cut")
    visitor.wait_for_drawing()
    mask, moved, _ = QUICK_EDITS["shorter_hair"].move(original)
    assert (visitor.mask() != mask).sum() <= 16 < ((original == Label.HAIR) & (mask != Label.HAIR)).sum()
    edit = edited_in_python(folder, visitor, photo, original, moved)
    off = np.abs(visitor.picture("after").astype(int) - edit.crop).max(-1)
    assert levels(edit.crop, edit.face.crop) > 60 and np.percentile(off, 99) <= 2, np.percentile(off, (98, 99, 99.9))
    visitor.call("reset()")
    visitor.wait_for_drawing()


def test_strands_over_the_forehead_go_with_the_hair_as_in_the_app(
    folder: Path, visitor: Visitor, photo: Path, tmp_path: Path
) -> None:
    face = pipeline_of(folder).prepare(read_photo(photo))
    after = QUICK_EDITS["higher_forehead"].move(face.mask)[0]
    lost = ((face.mask == Label.HAIR) & (after == Label.SKIN)).astype(np.uint8)
    thin = (cv2.dilate(lost, np.ones((41, 41), np.uint8)) > 0) & (face.mask == Label.SKIN)
    thin[200:] = False  # hair that one sees the skin through
    dark = (0.65 * face.crop + 0.35 * np.array((40, 28, 22))).astype(np.uint8)
    place = tmp_path / "strands.png"
    Image.fromarray(np.where(thin[..., None], dark, face.crop)).save(place)
    visitor.open(place)
    original = visitor.mask()
    visitor.page.locator("[data-edit=higher_forehead]").click()
    visitor.wait(lambda: (visitor.mask() != original).any(), "the forehead")
    visitor.wait_for_drawing()
    mask, moved, _ = QUICK_EDITS["higher_forehead"].move(original)
    edit = edited_in_python(folder, visitor, place, original, moved)
    assert stray_hair(edit.face.crop, original, mask).any(), "strands that no mask holds"
    off = np.abs(visitor.picture("after").astype(int) - edit.crop).max(-1)
    assert np.percentile(off, 99) <= 2, np.percentile(off, (98, 99, 99.9))
    visitor.open(photo)


def test_beards_are_drawn_as_in_the_app(folder: Path, visitor: Visitor, photo: Path) -> None:
    visitor.call("reset()")
    visitor.wait_for_drawing()
    original = visitor.mask()
    scene = Scene(original)
    chin = np.rint(np.stack(scene.frame.to_pixels(np.array([-0.4, 0, 0.4]), np.array([1.2, 1.4, 1.2])), 1)).astype(int)
    visitor.paint(Label.HAIR, 46, *(tuple(point) for point in chin.tolist()))
    edit = edited_in_python(folder, visitor, photo, original)
    beard = beard_of(visitor.mask(), original)
    assert beard.sum() > 2000 and np.array_equal(beard, visitor.mask() != original)
    off = np.abs(visitor.picture("after").astype(int) - edit.crop).max(-1)
    assert levels(edit.crop, edit.face.crop) > 40 and np.percentile(off, 99.9) <= 3, np.percentile(off, (99, 99.9, 100))
    # A quick edit sees the face beneath it, and it comes along.
    painted = visitor.mask()
    visitor.page.locator("[data-edit=smile]").click()
    visitor.wait(lambda: (visitor.mask() != painted).any(), "the smile")
    visitor.wait_for_drawing()
    smiling, moved, _ = edited_beneath(QUICK_EDITS["smile"], painted, original)
    assert (visitor.mask() != smiling).sum() <= 16 and (beard_of(smiling, original) & beard).sum() > beard.sum() / 2
    edit = edited_in_python(folder, visitor, photo, original, moved)
    off = np.abs(visitor.picture("after").astype(int) - edit.crop).max(-1)
    assert np.percentile(off, 99.5) <= 3, np.percentile(off, (99, 99.5, 99.9))
    visitor.choose_look("Hair", "copper_hair")
    visitor.wait_for_drawing()
    copper = edited_in_python(folder, visitor, photo, original, moved, {Label.HAIR: LOOKS["copper_hair"]})
    assert levels(copper.crop[beard], edit.crop[beard]) > 30
    off = np.abs(visitor.picture("after").astype(int) - copper.crop).max(-1)
    assert np.percentile(off, 99.5) <= 3, np.percentile(off, (99, 99.5, 99.9))
    visitor.begin_anew()
    visitor.open(photo)


#: The flow between two masks in the page, and what it leaves unknown.
FLOW_AND_UNKNOWN = """async ([size, before, after]) => {
  const { flowBetween } = await import(new URL("web/flow.js", location));
  const { unknownAfter } = await import(new URL("web/unknown.js", location));
  const flow = flowBetween(before, after, size);
  return [flow.data, unknownAfter(before, after, flow)];
}"""


def test_a_fringe_that_covers_a_forehead_moves_no_face_as_in_the_app(visitor: Visitor) -> None:
    before = draw_face(SIZE, extra=("long hair",))
    after = np.roll(before, 6, 0)
    brows = np.flatnonzero((after == Label.L_BROW).any(1))[0]
    after[: brows - 4][after[: brows - 4] == Label.SKIN] = Label.HAIR
    for old, new in ((before, after), (after, before), (draw_face(SIZE, extra=("bob",)), after)):
        wanted = flow_between(old, new)
        flow, unknown = visitor.run(FLOW_AND_UNKNOWN, SIZE, old, new)
        off = np.abs(flow.reshape(wanted.shape) - wanted)
        assert np.abs(wanted).max() > 5 and np.percentile(off, 99) < 0.5, np.percentile(off, (95, 99))
        asked = unknown_after(old, new, wanted)
        assert asked.any() and (unknown.reshape(asked.shape) != asked).sum() < 0.02 * asked.sum()


def test_a_chin_that_a_brush_painted_moves_as_in_the_app(visitor: Visitor) -> None:
    before = draw_face(SIZE)
    rows, columns = np.nonzero(before == Label.SKIN)
    x, y = int(columns.mean()), int(rows.max())
    for lower, old, new in ((14, Label.NECK, Label.SKIN), (-12, Label.SKIN, Label.NECK)):
        after = before.copy()
        stroke = cv2.line(np.zeros_like(before), (x - 36, y + lower // 2), (x + 36, y + lower // 2), 1, abs(lower) + 8)
        after[(stroke > 0) & (before == old)] = new
        wanted = flow_between(before, after)
        flow, unknown = visitor.run(FLOW_AND_UNKNOWN, SIZE, before, after)
        off = np.abs(flow.reshape(wanted.shape) - wanted)
        assert np.abs(wanted[..., 1]).max() > 7 and np.percentile(off, 99) < 0.5, np.percentile(off, (95, 99))
        asked = unknown_after(before, after, wanted)
        assert (unknown.reshape(asked.shape) != asked).sum() < 0.02 * (before != after).sum()


def test_hair_that_grows_moves_as_in_the_app(visitor: Visitor) -> None:
    code = """async ([size, before, after]) => {
      const { flowBetween } = await import(new URL("web/flow.js", location));
      return flowBetween(before, after, size).data;
    }"""
    before = draw_face(SIZE, scale=0.7)
    after = before.copy()
    around = cv2.dilate((before == Label.HAIR).astype(np.uint8), disc(24)) > 0
    after[around & (before == Label.BACKGROUND)] = Label.HAIR
    wanted = flow_between(before, after)
    got = visitor.run(code, SIZE, before, after).reshape(wanted.shape)
    assert np.abs(wanted).max() > 20 and np.percentile(np.abs(got - wanted), 99) < 0.5


def drawn_back() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A drawn face before a wall, in a photo, and its masks before and after hair has drawn back."""
    before = draw_face(SIZE, scale=0.7, extra=("long hair",))
    around = cv2.dilate((before == Label.BACKGROUND).astype(np.uint8), disc(20)) > 0
    after = np.where(around & (before == Label.HAIR), np.uint8(Label.BACKGROUND), before)
    y, x = np.mgrid[:SIZE, :SIZE]
    photo = np.dstack([180 + 40 * np.sin(x / 30), 170 + 0 * x, 150 + 40 * np.sin(y / 40)])
    photo[before == Label.HAIR] = (50, 36, 30)
    return cv2.GaussianBlur(photo.astype(np.uint8), (0, 0), 3), before, after


def test_the_background_stays_behind_hair_that_draws_back_as_in_the_app(visitor: Visitor) -> None:
    code = """async ([size, photo, before, after]) => {
      const { flowBetween } = await import(new URL("web/flow.js", location));
      const { drawnBack } = await import(new URL("web/drawn_back.js", location));
      const { arrivedMask } = await import(new URL("web/unknown.js", location));
      const { picture } = await import(new URL("web/pixels.js", location));
      const flow = flowBetween(before, after, size);
      const shown = picture(size, size, 3, new Uint8ClampedArray(photo));
      const { bared, behind, share } = drawnBack(shown, before, after, arrivedMask(before, flow), flow);
      return [flow.data, bared, behind, share];
    }"""
    photo, before, after = drawn_back()
    flow = flow_between(before, after)
    wanted = DrawnBack.of(photo, before, after, warp_mask(before, flow), flow)
    moved, *found = visitor.run(code, SIZE, photo, before, after)
    off = np.abs(moved.reshape(flow.shape) - flow).max(-1)
    assert np.abs(flow).max() > 15 and np.percentile(off, 99) < 0.5, np.percentile(off, (98, 99, 99.9))
    for got, plane in zip(found[:2], wanted[:2], strict=True):
        assert plane.sum() > 2000 and (got.reshape(plane.shape) != plane).sum() <= 0.03 * plane.sum()
    off = np.abs(found[2].reshape(before.shape) - wanted.share)
    assert (wanted.share > 0.2).sum() > 1000 and np.percentile(off, 99) < 0.05, np.percentile(off, (98, 99, 99.9))


def test_painted_clothes_and_ears_have_the_photo_s_colours_as_in_the_app(visitor: Visitor) -> None:
    code = """async ([size, painted, photo, unknown, mask]) => {
      const { takeColoursOfPhoto } = await import(new URL("web/paint_colours.js", location));
      const { picture } = await import(new URL("web/pixels.js", location));
      const colours = new Float32Array(painted);
      takeColoursOfPhoto(colours, picture(size, size, 3, new Uint8ClampedArray(photo)), unknown, mask, size);
      return colours;
    }"""
    mask = draw_face(SIZE)
    unknown = grown(np.isin(mask, EARS), 4)
    unknown[:, : SIZE // 4] |= np.isin(mask, (Label.CLOTH, Label.HAIR))[:, : SIZE // 4]
    random = np.random.default_rng(0)
    photo = cv2.GaussianBlur(random.uniform(0, 255, (SIZE, SIZE, 3)).astype(np.float32), (0, 0), 5).astype(np.uint8)
    painted = cv2.GaussianBlur(random.uniform(0, 255, (SIZE, SIZE, 3)).astype(np.float32), (0, 0), 3)
    wanted = in_colours_of_the_photo(painted, photo, unknown, mask)
    got = visitor.run(code, SIZE, painted, photo, unknown.astype(np.uint8), mask).reshape(wanted.shape)
    for labels in (EARS, (Label.HAIR,), (Label.CLOTH,)):
        assert np.abs(wanted - painted)[np.isin(mask, labels) & unknown].max() > 3, labels
    assert np.percentile(np.abs(got - wanted), 99.9) < 0.5


def test_edges_that_come_to_light_are_even_as_in_the_app(visitor: Visitor) -> None:
    code = """async ([size, painted, photo, unknown, mask]) => {
      const { makeEdgesEven } = await import(new URL("web/bared_edges.js", location));
      const { picture } = await import(new URL("web/pixels.js", location));
      const colours = new Float32Array(painted);
      const below = picture(size, size, 3, new Float32Array(photo));
      makeEdgesEven(colours, below, new Uint8Array(unknown), mask, size, size / 256);
      return colours;
    }"""
    before = draw_face(SIZE)
    mask = np.where(before == Label.HAIR, np.uint8(Label.BACKGROUND), before)
    unknown = grown(before == Label.HAIR, 8)
    photo = np.random.default_rng(0).uniform(0, 255, (SIZE, SIZE, 3)).astype(np.float32)
    painted = cv2.GaussianBlur(photo, (0, 0), 2)
    wanted = with_even_edges(painted, photo, unknown, mask, SIZE / 256)
    got = visitor.run(code, SIZE, painted, photo, unknown.astype(np.uint8), mask).reshape(wanted.shape)
    assert differs(wanted.round(), painted.round()).sum() > 2000
    assert np.percentile(np.abs(got - wanted), 99.9) < 0.5


@pytest.mark.parametrize(
    ("made", "undone"), [("open_mouth", "close_mouth"), ("glasses", "remove_glasses"), ("hat", "remove_hat")]
)
def test_what_is_unknown_behind_lips_lenses_and_hats_is_as_in_the_app(visitor: Visitor, made: str, undone: str) -> None:
    code = """async ([size, before, after, flow]) => {
      const { unknownAfter } = await import(new URL("web/unknown.js", location));
      const { picture } = await import(new URL("web/pixels.js", location));
      return unknownAfter(before, after, picture(size, size, 2, flow));
    }"""
    before = QUICK_EDITS[made].apply(draw_face(SIZE))
    after, moved, _ = QUICK_EDITS[undone].move(before)
    flow = flow_between(before, after, moved)
    wanted = unknown_after(before, after, flow)
    got = visitor.run(code, SIZE, before, after, flow).reshape(wanted.shape)
    assert wanted.sum() > 200 and (got != wanted).sum() <= 0.02 * wanted.sum()


def test_the_colours_of_cropped_hair_are_told_as_in_the_app(visitor: Visitor) -> None:
    code = """async ([size, photo, own]) => {
      const { ownHairOf } = await import(new URL("web/hair_colours.js", location));
      const { picture } = await import(new URL("web/pixels.js", location));
      const found = ownHairOf(picture(size, size, 3, new Uint8ClampedArray(photo)), own);
      return found.colours.map((plane) => Array.from(plane));
    }"""
    mask = draw_face(SIZE)
    patch = (mask == Label.HAIR) & (abs(np.arange(SIZE) - 210) < 20)
    mask[(mask == Label.HAIR) & ~patch] = Label.BACKGROUND
    photo = np.full((*mask.shape, 3), (150, 105, 85), np.uint8)
    photo[mask == Label.BACKGROUND] = (230, 230, 225)
    photo[np.isin(mask, BROWS)], photo[patch] = (26, 22, 20), (92, 80, 80)
    wanted = to_oklab(colours_of_hair(photo, mask))
    got = np.array(visitor.run(code, SIZE, photo, mask))
    assert wanted[:, 0].max() < to_oklab(np.float32([[92, 80, 80]]))[0, 0] - 0.05, "darker than it looks"
    assert np.abs(np.median(got, axis=1) - np.median(wanted, axis=0)).max() < 2e-3
    # A little of it under a hat is not cropped.
    mask = draw_face(SIZE, extra=("hat",))
    strip = (mask == Label.HAIR) & (abs(np.arange(SIZE) - SIZE // 2) > 0.285 * SIZE)
    mask[(mask == Label.HAIR) & ~strip] = Label.BACKGROUND
    assert 0.0015 < strip.mean() < 0.02
    photo[:], photo[strip], photo[np.isin(mask, BROWS)] = (205, 160, 140), (150, 148, 146), (26, 22, 20)
    got = np.array(visitor.run(code, SIZE, photo, mask))
    assert np.abs(got.T - to_oklab(np.float32([[150, 148, 146]]))).max() < 2e-3
    assert np.abs(colours_of_hair(photo, mask) - (150, 148, 146)).max() < 2


@pytest.mark.parametrize("blur", [0, 14])
def test_an_uneven_background_goes_on_as_in_the_app(
    folder: Path, visitor: Visitor, photo: Path, tmp_path: Path, blur: int
) -> None:
    """Hair is painted away in front of a wall of bricks, in focus and out of it."""
    face = pipeline_of(folder).prepare(read_photo(photo))
    y, x = np.mgrid[:SIZE, :SIZE] // 10
    joint = (y % 3 == 0) | ((x + 3 * (y // 3 % 2)) % 6 == 0)
    wall = np.where(joint[..., None], (190, 180, 170), (140, 70, 50)).astype(np.float32)
    if blur:
        wall = cv2.GaussianBlur(np.roll(wall, 60, axis=1) + (np.mgrid[:SIZE, :SIZE][1] % 200)[..., None], (0, 0), blur)
    place = tmp_path / "bricks.png"
    Image.fromarray(np.where((face.mask == Label.BACKGROUND)[..., None], wall, face.crop).astype(np.uint8)).save(place)
    visitor.open(place)
    original = visitor.mask()
    visitor.paint(Label.BACKGROUND, 90, (130, 110), (256, 70), (390, 110))
    edit = edited_in_python(folder, visitor, place, original)
    assert any(patch.ground is not None for patch in edit.change.first.patches) == (not blur)  # strands lie over it
    off = np.abs(visitor.picture("after").astype(int) - edit.crop).max(-1)
    assert np.percentile(off, 99) <= 2, np.percentile(off, (98, 99, 99.9))
    visitor.open(photo)


def test_other_peoples_hair_is_put_on_as_in_the_app(folder: Path, visitor: Visitor, photo: Path) -> None:
    """Longer hair in place of short hair, then a fringe over it, then in another colour; then undone."""
    visitor.call("reset()")
    visitor.wait_for_drawing()
    original, looks, motions = visitor.mask(), {}, []
    for name, shape in (("longer_hair", "shoulder"), ("fringe", "curtain")):
        before = visitor.mask()
        visitor.page.locator(f"[data-shapes={name}]").select_option(shape)
        visitor.wait(lambda before=before: (visitor.mask() != before).any(), name)  # its picture nobody waits for
        mask, moved, worn = QUICK_EDITS[name].move(before, variant=shape)
        assert worn and (visitor.mask() != mask).sum() <= max(16, (mask != before).sum() / 2000)
        looks = looks_with(looks, name, shape, worn)
        motions.append((visitor.mask(), moved))
    assert len(looks[Label.HAIR].worn) == 2
    visitor.choose_look("Hair", "copper_hair")
    looks[Label.HAIR] = wearing(looks[Label.HAIR].worn, LOOKS["copper_hair"])
    edit = edited_in_python(folder, visitor, photo, original, looks=looks, motions=motions)
    bare = edited_in_python(folder, visitor, photo, original, looks={Label.HAIR: LOOKS["copper_hair"]}, motions=motions)
    assert np.abs(edit.crop.astype(int) - bare.crop).mean() > 3, "what is worn is not what the network paints"
    for shown, expected in (
        (visitor.picture("after"), edit.crop),
        (np.asarray(Image.open(visitor.save("#png")).convert("RGB")), edit.photo),
    ):
        off = np.abs(shown.astype(int) - expected).max(-1)
        assert np.percentile(off, 99) <= 2, np.percentile(off, (99, 99.5, 99.9))
    visitor.page.locator("#looks > button").click()  # hair in its own colour again, which stays on
    visitor.wait_for_drawing()
    both = looks[Label.HAIR].worn
    visitor.paint(Label.U_LIP, 24, (215, 380), (300, 380))
    for worn in (both, both[:1]):  # the second after two undos, which take the fringe off
        looks[Label.HAIR] = wearing(worn, None)
        edit = edited_in_python(folder, visitor, photo, original, looks=looks, motions=motions[: len(worn)])
        off = np.abs(visitor.picture("after").astype(int) - edit.crop).max(-1)
        assert np.percentile(off, 99) <= 2, np.percentile(off, (99, 99.5, 99.9))
        for _ in range(2):
            visitor.call("undo()")
        visitor.wait_for_drawing()
    visitor.call("reset()")
    visitor.wait_for_drawing()


@pytest.mark.parametrize("curly", [False, True])
def test_painted_hair_shows_the_hairpieces_that_it_does_in_the_app(visitor: Visitor, curly: bool) -> None:
    code = """async ([size, photo, before, after, moved]) => {
      const { beneath } = await import(new URL("web/dressing.js", location));
      const { hairpiecesFor } = await import(new URL("web/painted_hair.js", location));
      const { Hairpieces, seenOf } = await import(new URL("web/hairdressing.js", location));
      const { picture } = await import(new URL("web/pixels.js", location));
      const face = { crop: picture(size, size, 3, new Uint8ClampedArray(photo)), mask: before };
      const worn = await hairpiecesFor(face, after, picture(size, size, 2, new Float32Array(moved)));
      const seen = [];
      for (const one of worn) seen.push((await seenOf(after, before, size, one)).alpha);
      const names = worn.map(({ name, part, way }) => [name, part, way].join("."));
      const { crop } = await new Hairpieces(worn, after, before, face.crop).on(face.crop);
      const below = await beneath(before, after, size, new Map([[13, { worn }]]));
      return [names.join(" "), new Uint8Array(crop.data), below, ...seen];
    }"""
    before = draw_face(SIZE)
    scene = Scene(before)
    over = (before == Label.SKIN) & (scene.y < -0.5 + 0.2 * scene.x)
    beside = (abs(scene.x) < scene.cheeks[1] + 0.5) & (scene.y > -0.2) & (scene.y < 1.6)
    over |= beside & np.isin(before, (Label.BACKGROUND, Label.NECK, Label.CLOTH, *EARS))
    after = np.where(over, Label.HAIR, before).astype(np.uint8)
    colours = np.full((19, 3), 140, np.uint8)
    colours[Label.HAIR], colours[Label.SKIN] = (120, 52, 28), (205, 160, 140)
    strands = np.random.default_rng(0).normal(0, 14, (SIZE if curly else 1, SIZE, 1))
    photo = (colours[before] + strands).clip(0, 255).astype(np.uint8)
    face = SimpleNamespace(crop=photo, mask=before)
    motion = Motion.none(before).to(after)
    worn = hairpieces_for(face, after, motion)
    assert {one.part: one.name for one in worn} == (CURLY if curly else STRAIGHT)
    names, crop, below, *seen = visitor.run(code, SIZE, photo, before, after, motion.flow)
    assert names.split() == [f"{one.name}.{one.part.value}.{'mirrored' if one.mirrored else 'plain'}" for one in worn]
    for one, alpha in zip(worn, seen, strict=True):
        wanted = seen_of(after, before, one).alpha
        off = np.abs(alpha.reshape(wanted.shape) - wanted)
        assert wanted.max() > 0.9 and np.percentile(off, 99.5) < 0.03, (one, np.percentile(off, (99, 99.5, 100)))
    wanted, changed = Hairpieces(worn, after, before, photo).on(photo)
    off = np.abs(crop.reshape(wanted.shape).astype(int) - wanted).max(-1)[changed > 0]
    assert levels(wanted, photo) > 60 and np.percentile(off, 99) <= 3, np.percentile(off, (95, 99, 100))
    wanted = beneath(face, after, {Label.HAIR: wearing(worn, None)})
    assert (below.reshape(wanted.shape) != wanted).mean() < 0.002


def test_short_hair_goes_on_down_to_the_ears_as_in_the_app(visitor: Visitor) -> None:
    code = """async ([size, photo, before, after, worn]) => {
      const { beneath } = await import(new URL("web/dressing.js", location));
      const { Hairpieces } = await import(new URL("web/hairdressing.js", location));
      const { picture } = await import(new URL("web/pixels.js", location));
      const { wornIn } = await import(new URL("web/worn.js", location));
      const crop = picture(size, size, 3, new Uint8ClampedArray(photo));
      const pieces = wornIn(worn);
      const { crop: result } = await new Hairpieces(pieces, after, before, crop).on(crop);
      return [new Uint8Array(result.data), await beneath(before, after, size, new Map([[13, { worn: pieces }]]))];
    }"""
    before = draw_face(SIZE, extra=("long hair",))
    after, _, worn = QUICK_EDITS["hairstyle"].move(before, variant="cropped")
    colours = np.full((19, 3), 140, np.uint8)
    colours[Label.HAIR], colours[Label.SKIN] = (120, 52, 28), (205, 160, 140)
    photo = (colours[before] + np.random.default_rng(0).normal(0, 9, (SIZE, SIZE, 1))).clip(0, 255).astype(np.uint8)
    strip = instead_of_sideburns(seen_of(after, before, worn[0]), after, before, worn[0])
    wanted, _ = Hairpieces(worn, after, before, photo).on(photo)
    crop, below = visitor.run(code, SIZE, photo, before, after, str(worn[0]))
    off = np.abs(crop.reshape(wanted.shape).astype(int) - wanted).max(-1)
    assert strip.sum() > 500 and np.percentile(off[strip], 98) <= 4, np.percentile(off[strip], (90, 98, 100))
    wanted = beneath(SimpleNamespace(mask=before), after, {Label.HAIR: wearing(worn, None)})
    assert (below.reshape(wanted.shape) != wanted).mean() < 0.002


def test_an_ear_of_another_size_is_drawn_as_in_the_app(visitor: Visitor) -> None:
    code = """async ([size, photo, mask, own]) => {
      const { withEars } = await import(new URL("web/ears.js", location));
      const { decode } = await import(new URL("web/files.js", location));
      const { picture } = await import(new URL("web/pixels.js", location));
      const crop = picture(size, size, 3, new Uint8ClampedArray(photo));
      const stuff = await decode(await (await fetch(new URL("web/wardrobe/ear.png", location))).blob(), 1);
      const { crop: result, changed } = await withEars(crop, mask, own, async () => stuff);
      return [new Uint8Array(result.data), changed];
    }"""
    own = draw_face(SIZE, scale=0.8, extra=("long hair",))
    mask = QUICK_EDITS["shorter_hair"].apply(QUICK_EDITS["shorter_hair"].apply(own))
    large = cv2.dilate((mask == Label.L_EAR).astype(np.uint8), np.ones((15, 31), np.uint8)) > 0
    mask[large & (mask == Label.BACKGROUND)] = Label.L_EAR
    photo = np.full((*mask.shape, 3), (120, 140, 170), np.uint8)
    photo[np.isin(mask, (Label.SKIN, Label.NECK, *EARS))] = (214, 170, 140)
    photo[mask == Label.HAIR] = (40, 30, 25)
    wanted, changed = with_ears(photo, mask, own)
    result, share = visitor.run(code, SIZE, photo, mask, own)
    assert (changed > 0.9).sum() > 2000 and np.abs(share.reshape(changed.shape) - changed).max() < 0.02
    off = np.abs(result.reshape(wanted.shape).astype(int) - wanted).max(-1)[changed > 0]
    assert np.percentile(off, 99) <= 2, np.percentile(off, (95, 99, 100))


def test_a_fringe_that_is_painted_on_the_page_is_that_of_the_app(folder: Path, visitor: Visitor, photo: Path) -> None:
    visitor.begin_anew()
    original = visitor.mask()
    visitor.paint(Label.HAIR, 60, (150, 130), (256, 120), (360, 130))
    edit = edited_in_python(folder, visitor, photo, original)
    assert hairpieces_for(edit.face, visitor.mask())
    off = np.abs(visitor.picture("after").astype(int) - edit.crop).max(-1)
    assert levels(edit.crop, edit.face.crop) > 60 and np.percentile(off, 99.9) <= 2, np.percentile(off, (99.9, 100))
    saved = np.asarray(Image.open(visitor.save("#png")).convert("RGB"))
    off = np.abs(saved.astype(int) - edit.photo).max(-1)
    assert np.percentile(off, 99.9) <= 3, np.percentile(off, (99, 99.9, 100))
    visitor.begin_anew()
