"""Hair painted over a forehead or around a head: when it is much, which hairpieces it shows and where they end."""

import cv2
import numpy as np
import pytest
from drawn_faces import draw_face

from maskgan.editing.dressing import beneath, edit_with_looks, looks_on
from maskgan.editing.edit import Face
from maskgan.editing.hair_colours import colours_of_hair
from maskgan.editing.hairdressing import seen_of
from maskgan.editing.looks import LOOKS, look_named, looks_with
from maskgan.editing.painted_hair import CURLY, STRAIGHT, coherence, hairpieces_for
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.warping import Motion
from maskgan.labels import EARS, Label
from maskgan.quick_edits import QUICK_EDITS
from maskgan.quick_edits.hairpieces import Part, Worn
from maskgan.quick_edits.painted_fringe import is_fringe, painted_over
from maskgan.quick_edits.scene import Scene

SIZE = 512


@pytest.fixture(scope="module")
def mask() -> np.ndarray:
    return draw_face(SIZE)


@pytest.fixture(scope="module")
def face(pipeline: MaskGANPipeline, mask: np.ndarray) -> Face:
    """A drawn face with red hair whose strands all hang down."""
    colours = np.full((19, 3), 140, np.uint8)
    colours[Label.HAIR], colours[Label.SKIN] = (120, 52, 28), (205, 160, 140)
    photo = colours[mask] + np.random.default_rng(0).normal(0, 14, (1, SIZE, 1))
    return pipeline.with_mask(pipeline.prepare(photo.clip(0, 255).astype(np.uint8), face=None), mask)


def painted(mask: np.ndarray, lower: np.ndarray | float, above: float = -9.0) -> np.ndarray:
    """A mask whose forehead is hair between two heights in the face's frame, given for the whole or by column."""
    scene = Scene(mask)
    over = (mask == Label.SKIN) & (scene.y < lower) & (scene.y > above)
    return np.where(over, Label.HAIR, mask).astype(np.uint8)


def hanging(mask: np.ndarray, width: float, end: float) -> np.ndarray:
    """A mask with hair at both sides from the eyes down to a height, so wide beside the cheeks, in the face's frame."""
    scene = Scene(mask)
    left, right = scene.cheeks
    beside = np.maximum(left - scene.x, scene.x - right)
    over = (beside > -0.1) & (beside < width) & (scene.y > -0.2) & (scene.y < end)
    over &= np.isin(mask, (Label.BACKGROUND, Label.NECK, Label.CLOTH, *EARS))
    return np.where(over, Label.HAIR, mask).astype(np.uint8)


def named(face: Face, mask: np.ndarray) -> dict[Part, str]:
    return {worn.part: worn.name for worn in hairpieces_for(face, mask)}


@pytest.mark.parametrize(
    ("lower", "above", "is_one"),
    [(-0.45, -9, True), (-0.6, -9, True), (-0.86, -9, False), (-0.35, -0.6, False)],
    ids=["to the brows", "half way", "a lower hairline", "apart from hair"],
)
def test_much_hair_that_hangs_over_a_forehead_is_a_fringe(mask, lower, above, is_one) -> None:
    after = painted(mask, lower, above)
    assert (after != mask).sum() > 300
    scene = Scene(mask)
    assert is_fringe(scene, painted_over(scene, after == Label.HAIR)) == is_one


def test_hair_beside_the_cheeks_is_no_fringe(mask) -> None:
    scene = Scene(mask)
    beside = (mask == Label.SKIN) & (scene.y > 0)
    assert not painted_over(scene, beside).any()


@pytest.mark.parametrize("slope", [-0.25, 0.0, 0.25])
def test_it_ends_where_the_paint_does(mask, slope: float) -> None:
    scene = Scene(mask)
    after = painted(mask, -0.55 + slope * scene.x)
    where = seen_of(after, mask, Worn(STRAIGHT[Part.FOREHEAD], Part.FOREHEAD, mirrored=False))
    new = (after == Label.HAIR) & (mask == Label.SKIN)
    assert (where.alpha > 0.5)[new].mean() > 0.85
    assert not (where.alpha[scene.y > -0.3] > 0).any() or slope, "nothing falls below it"
    left, right = (int(at) for at in scene.frame.to_pixels(np.array([-0.45, 0.45]), np.zeros(2))[0])
    ends = np.array([np.flatnonzero(plane[:, left:right])[-1] // (right - left) for plane in (new, where.alpha > 0.5)])
    assert abs(np.diff(ends)) < 0.12 * scene.unit


def test_it_covers_what_was_painted_of_a_bald_head(mask) -> None:
    bald = np.where(mask == Label.HAIR, Label.BACKGROUND, mask).astype(np.uint8)
    scene = Scene(bald)
    head = cv2.dilate(((bald == Label.SKIN) & (scene.y < -0.4)).astype(np.uint8), np.ones((31, 31), np.uint8)) > 0
    after = np.where(head & np.isin(bald, (Label.SKIN, Label.BACKGROUND)) & (scene.y < -0.4), Label.HAIR, bald)
    where = seen_of(after.astype(np.uint8), bald, Worn(STRAIGHT[Part.FOREHEAD], Part.FOREHEAD, mirrored=False))
    assert (where.alpha > 0.5)[(after == Label.HAIR) & (bald == Label.SKIN)].mean() > 0.9


def test_strands_side_by_side_are_told_from_curls() -> None:
    hair, noise = np.ones((200, 200), bool), np.random.default_rng(1)
    straight = np.repeat(noise.normal(120, 30, (1, 200, 1)).clip(0, 255).astype(np.uint8), 200, axis=0).repeat(3, 2)
    curls = np.repeat(noise.normal(120, 30, (200, 200, 1)).clip(0, 255).astype(np.uint8), 3, axis=2)
    assert coherence(straight, hair, 60.0) > 0.95
    assert coherence(curls, hair, 60.0) < 0.3
    assert coherence(curls, np.zeros_like(hair), 60.0) == 1


def test_the_hairpiece_is_like_the_wearers_hair(pipeline, face, mask) -> None:
    after = painted(mask, -0.5)
    assert named(face, after) == {Part.FOREHEAD: STRAIGHT[Part.FOREHEAD]}
    noise = np.random.default_rng(1).normal(0, 30, (SIZE, SIZE, 1))
    curly = pipeline.with_mask(pipeline.prepare((face.photo + noise).clip(0, 255).astype(np.uint8), face=None), mask)
    assert named(curly, after) == {Part.FOREHEAD: CURLY[Part.FOREHEAD]}
    assert not hairpieces_for(face, mask)


def test_an_edit_shows_it_in_the_wearers_colours_and_leaves_the_rest(pipeline, face, mask) -> None:
    after = painted(mask, -0.5)
    edit, network = edit_with_looks(pipeline, face, after), pipeline.edit(face, after)
    (worn,) = hairpieces_for(face, after)
    seen = seen_of(after, mask, worn).alpha
    assert np.array_equal(edit.crop, edit_with_looks(pipeline, face, after, looks_with({}, "", None, [worn])).crop)
    assert (edit.crop != network.crop).any(-1)[seen > 0.9].mean() > 0.9
    own, hair = (np.median(pixels, axis=0) for pixels in (colours_of_hair(face.crop, mask), edit.crop[seen > 0.9]))
    assert abs(own - hair).max() < 25
    away = cv2.dilate(((seen > 0) | (after != mask)).astype(np.uint8), np.ones((61, 61))) == 0
    assert away.any() and np.array_equal(edit.crop[away], face.crop[away])


def test_it_goes_with_a_chosen_colour_and_not_with_a_chosen_hairpiece(face, mask) -> None:
    after = painted(mask, -0.5)
    look = looks_on(face, after, {Label.HAIR: LOOKS["blond_hair"]})[Label.HAIR]
    assert look.colour == LOOKS["blond_hair"].colour and [worn.part for worn in look.worn] == [Part.FOREHEAD]
    assert look == look_named(Label.HAIR, look.name)
    after, _, worn = QUICK_EDITS["fringe"].move(mask)
    chosen = looks_with({}, "fringe", None, worn)
    assert looks_on(face, after, chosen) == chosen


def test_long_hair_that_is_painted_hangs_to_where_it_was_painted(pipeline, face, mask) -> None:
    after = hanging(mask, 0.55, 1.6)
    assert named(face, after) == {Part.AROUND: STRAIGHT[Part.AROUND]}
    (worn,) = hairpieces_for(face, after)
    seen, scene = seen_of(after, mask, worn).alpha, Scene(mask)
    new = (after == Label.HAIR) & (mask != Label.HAIR)
    assert (seen > 0.5)[new & (scene.y < 1.3)].mean() > 0.9
    assert not (seen > 0.5)[scene.y > 1.75].any(), "ends in locks about there"
    ends = [np.flatnonzero((seen[:, x] > 0.5) & new[:, x]).max(initial=0) for x in np.flatnonzero(new.any(0))[::4]]
    assert np.ptp([end for end in ends if end]) > 0.04 * scene.unit, "no ruler drew them"
    edit, network = edit_with_looks(pipeline, face, after), pipeline.edit(face, after)
    assert (edit.crop != network.crop).any(-1)[seen > 0.9].mean() > 0.9
    away = cv2.dilate(((seen > 0) | new).astype(np.uint8), np.ones((61, 61))) == 0
    assert away.any() and np.array_equal(edit.crop[away], face.crop[away])


def test_both_are_worn_where_both_were_painted(face, mask) -> None:
    assert list(named(face, painted(hanging(mask, 0.55, 1.6), -0.5))) == [Part.AROUND, Part.FOREHEAD]


def test_other_hair_that_was_painted_stays_the_networks(face, mask) -> None:
    """Slivers of hair that nothing covers took all hair near them with them."""
    scene, after = Scene(mask), painted(mask, -0.5)
    lock = (scene.x > 0.75) & (scene.x < 1.3) & (scene.y > 0.9) & (scene.y < 1.2) & (mask != Label.HAIR)
    sliver = (abs(scene.x - 0.7) < 0.02) & (scene.y > 0.2) & (scene.y < 1.2) & (mask != Label.HAIR)
    after[lock | sliver] = Label.HAIR
    assert list(named(face, after)) == [Part.FOREHEAD]
    below = beneath(face, after, looks_on(face, after))
    assert (below == Label.HAIR)[lock].mean() > 0.9 and not (below == Label.HAIR)[painted(mask, -0.6) != mask].any()


def test_a_thicker_outline_is_the_photos_own_hair(face, mask) -> None:
    grown = cv2.dilate((mask == Label.HAIR).astype(np.uint8), np.ones((41, 41), np.uint8)) > 0
    after = np.where(grown & (mask == Label.BACKGROUND), Label.HAIR, mask).astype(np.uint8)
    assert (after != mask).sum() > 3000 and not hairpieces_for(face, after)
    assert not hairpieces_for(face, QUICK_EDITS["more_volume"].apply(mask))


def test_hair_that_was_moved_there_is_not_painted(face, mask) -> None:
    """The Move tool says where the photo's pixels come from."""
    down, hair = 160, mask == Label.HAIR
    new = np.zeros_like(hair)
    new[down:] = hair[:-down]
    new &= mask == Label.BACKGROUND
    after = np.where(new, Label.HAIR, mask).astype(np.uint8)
    flow = np.zeros((*mask.shape, 2), np.float32)
    assert list(named(face, after)) == [Part.AROUND] and hairpieces_for(face, after, Motion(after, flow))
    flow[new, 1] = -down
    assert not hairpieces_for(face, after, Motion(after, flow))
