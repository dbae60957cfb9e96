"""Hairpieces: where a face wears one, whose colours it takes, and when it is taken off again."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from conftest import draw_face as draw_picture
from conftest import draw_mask
from drawn_faces import draw_face

from maskgan.editing.dressing import beneath, edit_with_looks
from maskgan.editing.edit import Face
from maskgan.editing.flows import lengths_of
from maskgan.editing.hairdressing import put_on, seen_of
from maskgan.editing.looks import LOOKS, look_named, looks_with, measured_colour, plain_colour, wearing
from maskgan.editing.oklab import to_oklab
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.sideburns import instead_of_sideburns
from maskgan.editing.warping import Motion
from maskgan.labels import EYES, MOUTH, Label
from maskgan.quick_edits import QUICK_EDITS, QuickEditImpossible
from maskgan.quick_edits.frame import fit_frame
from maskgan.quick_edits.hairpieces import Part, Worn, coverage, hairpiece, hairpieces
from maskgan.quick_edits.scene import Scene
from maskgan.sizes import CROP_SIZE

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

FRINGES = [variant.name for variant in QUICK_EDITS["fringe"].variants]


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A drawn face of 512 px with red hair, a little of everything's own grain in it."""
    colours = np.full((19, 3), 140, np.uint8)
    colours[Label.HAIR], colours[Label.SKIN] = (120, 52, 28), (205, 160, 140)
    picture = colours[draw_face(512)].astype(np.float32)
    return (picture + np.random.default_rng(0).normal(0, 6, picture.shape)).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def face(pipeline: MaskGANPipeline) -> Face:
    mask = draw_mask(CROP_SIZE)
    return pipeline.with_mask(pipeline.prepare(draw_picture(mask), face=None), mask)


@pytest.mark.parametrize("name", hairpieces())
def test_a_hairpiece_is_cut_out_along_its_strands(name: str) -> None:
    piece = hairpiece(name)
    assert piece.colours.shape[:2] == piece.alpha.shape and min(piece.alpha.shape) >= 512
    assert 0.03 < ((piece.alpha > 0.05) & (piece.alpha < 0.95)).mean() / (piece.alpha > 0.5).mean() < 0.5
    small = cv2.resize(piece.alpha, piece.silhouette.mask.shape[::-1], interpolation=cv2.INTER_AREA) > 0.5
    assert ((piece.silhouette.mask == Label.HAIR) != small).mean() < 0.002


def test_a_fringe_hangs_as_its_shape_says() -> None:
    mask = draw_face(512)
    low = {}
    for style in FRINGES:
        new = (QUICK_EDITS["fringe"].apply(mask, 1.0, style) == Label.HAIR) & (mask == Label.SKIN)
        low[style] = [int(np.flatnonzero(new[:, x]).max(initial=0)) for x in (180, 256, 332)]
    assert max(low["straight"]) - min(low["straight"]) < 40
    left, middle, right = low["curtain"]
    assert max(left, right) > middle + 40
    left, _, right = low["swept"]
    assert abs(left - right) > 25


@pytest.mark.parametrize("style", FRINGES)
def test_a_stronger_fringe_hangs_lower_and_never_over_the_eyes(style: str) -> None:
    mask = draw_face(512)
    lowest = []
    for strength in (0.6, 0.8, 1.0):
        after, moved, worn = QUICK_EDITS["fringe"].move(mask, strength, style)
        lowest.append(np.nonzero((after == Label.HAIR) & (mask == Label.SKIN))[0].max())
        assert len(worn) == 1 and worn[0].part == Part.FRINGE
        assert np.isnan(moved).all(), "nothing of the photo moves"
    assert lowest[0] < lowest[1] < lowest[2]
    assert not coverage(Scene(mask), worn[0]).alpha[np.isin(mask, (*EYES, *MOUTH, Label.NOSE))].any()


def test_it_takes_the_wearers_colours_and_leaves_the_rest_bit_for_bit(photo: np.ndarray) -> None:
    own = draw_face(512)
    for worn in (Worn("long_waves", Part.WHOLE), Worn("fringe_bob", Part.FRINGE), Worn("long_curls", Part.LENGTH, 2.0)):
        mask = np.where(coverage(Scene(own), worn).alpha > 0.5, Label.HAIR, own).astype(np.uint8)
        result, changed = put_on(photo, mask, photo, own, worn)
        assert np.array_equal(result[changed == 0], photo[changed == 0])
        assert not changed[np.isin(own, (*EYES, *MOUTH, Label.NOSE))].any()
        new = (changed > 0.95) & (mask == Label.HAIR) & (own != Label.HAIR)
        assert new.sum() > 1000
        hue = [np.median(to_oklab(pixels)[:, 1:], axis=0) for pixels in (result[new], photo[own == Label.HAIR])]
        assert np.abs(hue[0] - hue[1]).max() < 0.02, "red hair stays red"


def test_what_was_undone_or_painted_over_is_not_worn() -> None:
    own = draw_face(512)
    after, _, (worn,) = QUICK_EDITS["fringe"].move(own)
    assert seen_of(after, own, worn) is not None
    assert seen_of(own, own, worn) is None, "undone"
    half = after.copy()
    half[:, :256] = own[:, :256]
    seen = seen_of(half, own, worn)
    assert seen.alpha[:, 300:].max() > 0.9
    away = cv2.erode((half != Label.HAIR).astype(np.uint8), np.ones((33, 33))) > 0
    assert not seen.alpha[away].any(), "painted over on one side"


def test_what_a_face_does_with_its_mouth_and_brows_does_not_shift_its_hair() -> None:
    own = draw_face(512)
    after, _, (worn,) = QUICK_EDITS["longer_hair"].move(own, variant="long_waves")
    where = seen_of(after, own, worn)
    for name in ("smile", "raised_brows", "sunglasses"):
        again = seen_of(QUICK_EDITS[name].apply(after), own, worn)
        assert np.array_equal(again.cols, where.cols) and np.array_equal(again.rows, where.rows), name
    wider = seen_of(QUICK_EDITS["rounder_face"].apply(after), own, worn)
    assert not np.array_equal(wider.cols, where.cols), "it goes with the outline of the face"


@pytest.mark.parametrize("side", [-1, 1])
def test_a_hairpiece_stays_the_way_round_that_its_mask_was_drawn(side: int) -> None:
    """The hair that it replaces lies on one side of the head, which the edited mask no longer tells."""
    own = draw_face(512)
    beside = np.arange(512)[None] * side > 256 * side + 120
    own[beside & (np.arange(512)[:, None] < 420) & np.isin(own, (Label.BACKGROUND, Label.CLOTH))] = Label.HAIR
    mask, _, (worn,) = QUICK_EDITS["hairstyle"].move(own, variant="pixie")
    mirrored = coverage(Scene(own), worn._replace(mirrored=None)).piece is not hairpiece("pixie")
    assert worn.mirrored == mirrored
    seen = seen_of(mask, own, worn).alpha > 0.5
    hair = mask == Label.HAIR
    assert (seen & hair).sum() > 0.97 * (seen | hair)[:300].sum()
    other = seen_of(mask, own, worn._replace(mirrored=not mirrored)).alpha > 0.5
    assert (other & hair).sum() < 0.95 * (seen & hair).sum(), "its mirror image does not fit the mask"


def test_nothing_of_a_fringe_stays_at_the_temples_beside_a_hairpiece() -> None:
    own = draw_face(512)
    y, x = np.mgrid[:512, :512]
    curtain = (abs(x - 256) > 40) & (y < 250) & (own == Label.SKIN)
    own[curtain] = Label.HAIR  # it hides forehead and temples, but for a strip in the middle
    mask, _, (worn,) = QUICK_EDITS["hairstyle"].move(own, variant="side_part")
    seen = cv2.dilate((seen_of(mask, own, worn).alpha > 0.5).astype(np.uint8), np.ones((9, 9))) > 0
    left = (mask == Label.HAIR) & ~seen & curtain & (y < 200)
    assert left.sum() < 0.01 * curtain.sum() < (curtain & (mask == Label.SKIN)).sum()


@pytest.mark.parametrize("style", ["side_part", "textured"])
def test_no_rim_of_painted_hair_lies_below_a_hairline(style: str, photo: np.ndarray) -> None:
    own = draw_face(512, scale=0.9)
    y, x = np.mgrid[:512, :512]
    own[(own == Label.HAIR) & (y > 90) & (y < 240) & (abs(x - 256) < 105)] = Label.SKIN  # a hairline that went back
    mask, _, worn = QUICK_EDITS["hairstyle"].move(own, variant=style)
    near = cv2.dilate((seen_of(mask, own, worn[0]).alpha > 0.5).astype(np.uint8), np.ones((17, 17), np.uint8)) > 0
    mask[near & (mask == Label.SKIN) & (y < 200)] = Label.HAIR  # masks are no more exact than that
    below = beneath(SimpleNamespace(mask=own), mask, looks_with({}, "hairstyle", style, worn))
    seen = seen_of(mask, own, worn[0]).alpha > 0.5
    new = (mask == Label.HAIR) & (own == Label.SKIN)
    assert (new & ~seen).sum() > 300, "the mask reaches below the piece"
    painted = new & (below == Label.HAIR)
    wide = cv2.morphologyEx(painted.astype(np.uint8), cv2.MORPH_OPEN, np.ones((15, 15), np.uint8)) > 0
    assert (painted & ~wide).sum() < 0.05 * (new & ~seen).sum()
    # The skin there lies in the hair's shadow, without a step to what lies lower.
    plain = np.full_like(photo, 180)
    crop, _ = put_on(plain, mask, photo, own, worn[0])
    column = crop[:, 256, 0].astype(int)
    last = int(np.flatnonzero(seen[:, 256]).max())
    assert np.abs(np.diff(column[last + 6 : last + 60])).max() < 12


@pytest.mark.parametrize("style", ["textured", "side_part"])
def test_short_hairpieces_keep_the_wearers_hair_before_the_ears(style: str) -> None:
    own = draw_face(512, scale=0.8)
    x, y = fit_frame(own).coordinates(own.shape)
    left, right = Scene(own).cheeks
    out = abs(x - (left + right) / 2) / ((right - left) / 2)
    sideburns = (out > 0.84) & (out < 0.93) & (y > -0.25) & (y < 0.3)
    own[sideburns] = Label.HAIR
    mask = QUICK_EDITS["hairstyle"].apply(own, 1.0, style)
    assert (mask == Label.HAIR)[sideburns].mean() > 0.9
    beard = (out < 0.9) & (y > 0.6) & (y < 0.8) & (own == Label.SKIN)
    assert not (mask == Label.HAIR)[beard & (out < 0.75)].any()


def test_longer_hair_is_added_below_what_there_is_and_replaces_short_hair() -> None:
    bob, short = draw_face(512, extra=("bob",)), draw_face(512)
    _, _, (below,) = QUICK_EDITS["longer_hair"].move(bob)
    _, _, (instead,) = QUICK_EDITS["longer_hair"].move(short)
    assert below.part == Part.LENGTH and instead.part == Part.WHOLE
    alpha = coverage(Scene(bob), below).alpha
    y = fit_frame(bob).coordinates(bob.shape)[1]
    inside = cv2.erode((bob == Label.HAIR).astype(np.uint8), np.ones((63, 63))) > 0
    assert alpha[inside & (y < -0.6)].max() < 0.05, "the wearer's own hair stays on top"


def test_a_tail_below_the_ears_is_no_hair_to_add_to() -> None:
    """Beside cropped temples the lower part of long hair hung from nothing."""
    tail = draw_face(512)
    y = fit_frame(tail).coordinates(tail.shape)[1]
    tail[(y > 0.6) & (y < 1.6) & (abs(np.arange(512) - 120) < 25) & (tail == Label.BACKGROUND)] = Label.HAIR
    _, _, (instead,) = QUICK_EDITS["longer_hair"].move(tail)
    assert instead.part == Part.WHOLE
    beside = (y > -0.2) & (y < 1.6) & (abs(np.arange(512) - 100) < 40) & (tail == Label.BACKGROUND)
    _, _, (below,) = QUICK_EDITS["longer_hair"].move(np.where(beside, Label.HAIR, tail).astype(np.uint8))
    assert below.part == Part.LENGTH


@pytest.mark.parametrize("name", ["longer_hair", "hairstyle"])
def test_hair_falls_from_under_a_hat_and_does_not_puff_out_beside_it(name: str) -> None:
    mask = draw_face(512, extra=("hat",))
    scene, edited = Scene(mask), QUICK_EDITS[name].apply(mask, 1.0, "long_waves")
    hat = mask == Label.HAT
    brim, right = scene.y[hat].max(), scene.x[hat].max()
    new = (edited == Label.HAIR) & (mask != Label.HAIR)
    for below in (0.3, 0.6, 1.0):
        row = new & (abs(scene.y - brim - below) < 0.03)
        assert row.any() and (abs(scene.x[row]) < right + 0.4 * below + 0.15).all()


def test_hair_that_hangs_to_the_pictures_edge_gets_no_longer() -> None:
    mask = draw_face(512, extra=("bob",))
    below, y = np.arange(512)[:, None] > 250, np.arange(512)[:, None]
    sides = below & (abs(np.arange(512)[None] - 256) > 110) & (y < 512)
    with pytest.raises(QuickEditImpossible, match="edge of the picture"):
        QUICK_EDITS["longer_hair"].move(np.where(sides, Label.HAIR, mask).astype(np.uint8))


@pytest.mark.parametrize("name", hairpieces())
def test_a_head_of_hair_that_a_picture_cut_off_is_round(name: str) -> None:
    piece = hairpiece(name)
    size = len(piece.alpha)
    cols, rows = np.meshgrid(np.arange(size, dtype=np.float32), -np.arange(1, size, dtype=np.float32))
    widths = (piece.crown(cols, rows) > 0.5).sum(1)
    hair = np.flatnonzero(piece.alpha[0] > 0.5)
    edge = np.ptp(hair) + 1 if len(hair) else 0
    assert (np.diff(widths) <= 0).all() and widths[0] <= edge + 2
    assert (widths[0] > 0.8 * edge) == (edge > 0)


def test_pieces_add_up_keep_their_colour_and_come_back_by_name() -> None:
    fringe, curls = Worn("fringe_bob", Part.FRINGE, 0.8), Worn("long_curls", Part.LENGTH, 1.9)
    looks = looks_with({Label.HAIR: LOOKS["copper_hair"]}, "fringe", None, (fringe,))
    looks = looks_with(looks, "longer_hair", "long_curls", (curls,))
    look = looks[Label.HAIR]
    assert look.worn == (fringe, curls) and look.colour == LOOKS["copper_hair"].colour and look.shown == "copper_hair"
    assert look_named(Label.HAIR, look.name) == look
    bare = wearing(look.worn, None)
    assert look_named(Label.HAIR, bare.name) == bare and bare.shown == "" and bare.apart is None
    assert wearing(bare.worn, plain_colour(Label.HAIR, "#336699")).colour == "#336699"
    borrowed = wearing(bare.worn, measured_colour(Label.HAIR, "a0522d"))
    assert look_named(Label.HAIR, borrowed.name) == borrowed and borrowed.measured, "the colour of another photo's hair"
    for way in (True, False):
        turned = wearing((curls._replace(mirrored=way),), None)
        assert look_named(Label.HAIR, turned.name) == turned
    whole = looks_with(looks, "hairstyle", "tousled", (Worn("tousled", Part.WHOLE),))
    assert whole[Label.HAIR].worn == (Worn("tousled", Part.WHOLE),), "a whole style takes the place of the others"


@pytest.mark.parametrize(
    "name",
    [
        *("../x.whole.1.00", "fringe_bob.hat.1.00", "fringe_bob.fringe.nan", "fringe_bob.fringe.9.00", "fringe_bob"),
        *("fringe_bob.fringe.1.0", ",".join(["fringe_bob.fringe.1.00"] * 9), "fringe_bob.fringe.1.00@red_lips"),
        *("a@b", ".", "@", "fringe_bob.fringe.1.00.other", "fringe_bob.fringe..mirrored"),
    ],
)
def test_a_made_up_name_is_no_look(name: str) -> None:
    with pytest.raises(ValueError):
        look_named(Label.HAIR, name)


def test_an_edit_wears_it_over_the_photos_own_forehead(pipeline, face) -> None:
    after, _, worn = QUICK_EDITS["fringe"].move(face.mask, 1.0, "straight")
    looks = looks_with({}, "fringe", None, worn)
    edit, bare = edit_with_looks(pipeline, face, after, looks), pipeline.edit(face, after)
    alpha = seen_of(after, face.mask, worn[0]).alpha
    assert (edit.crop != face.crop).any(-1)[alpha > 0.9].mean() > 0.9
    away = cv2.dilate((alpha > 0).astype(np.uint8), np.ones((61, 61))) == 0
    assert np.array_equal(edit.crop[away], face.crop[away])
    assert (edit.crop != bare.crop).any(), "without it the network paints"
    pasted = edit.paste()
    assert (pasted != face.photo).any() and pasted.shape == face.photo.shape


@pytest.mark.parametrize("style", ["swept", "long_waves"])
def test_nothing_of_the_photo_moves_below_other_hair(pipeline, face, style: str) -> None:
    """From a mask with somebody's hair back to what lies beneath it whole faces were warped."""
    after, moved, worn = QUICK_EDITS["hairstyle"].move(face.mask, 1.0, style)
    motion = Motion.none(face.mask).to(after, moved)
    assert not motion.flow.any()
    edit = edit_with_looks(pipeline, face, after, looks_with({}, "hairstyle", style, worn), motion=motion)
    features = np.isin(face.mask, (*EYES, *MOUTH, Label.NOSE))
    assert lengths_of(edit.motion.flow)[features].max() < 0.1, "pixels"


def test_short_hair_goes_on_down_to_the_ears_where_long_hair_hung(photo: np.ndarray) -> None:
    own, worn = draw_face(512, extra=("long hair",)), Worn("cropped", Part.WHOLE)
    edited = QUICK_EDITS["hairstyle"].apply(own, 1.0, "cropped")
    seen = seen_of(edited, own, worn)
    strip = instead_of_sideburns(seen, edited, own, worn)
    beyond = strip & (seen.alpha < 0.1) & (seen.scene.y < -0.1)
    assert all(half.sum() > 20 for half in np.hsplit(beyond, 2)), "the piece ends above both ears"
    face = SimpleNamespace(mask=own)
    below = beneath(face, edited, {Label.HAIR: wearing((worn,), None)})
    assert (below[strip] == Label.SKIN).all(), "of the hair that hung there nothing is left"
    marked = photo.copy()
    marked[own == Label.HAIR] = (120, 52, 28)
    marked[beyond] = (0, 200, 0)
    result, changed = put_on(marked, edited, photo, own, worn)
    share, told = changed[beyond], np.abs(result[beyond].astype(int) - (0, 200, 0)).max(-1)
    assert np.median(share) > 0.9 and np.median(told) > 80
    inside = (seen.alpha > 0.95) & (abs(seen.scene.y + 0.3) < 0.3)
    hues = [np.median(to_oklab(result[part]), axis=0) for part in (beyond & (changed > 0.95), inside)]
    assert np.abs(hues[0] - hues[1]).max() < 0.06, "in the colours of the hair beside it"


def test_who_has_sideburns_keeps_them_below_short_hair() -> None:
    own, worn = draw_face(512), Worn("cropped", Part.WHOLE)
    edited = QUICK_EDITS["hairstyle"].apply(own, 1.0, "cropped")
    assert not instead_of_sideburns(seen_of(edited, own, worn), edited, own, worn).any()
