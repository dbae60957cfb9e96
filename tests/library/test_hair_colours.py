"""The colours and strands of hair that is put on, and what of a photo tells them."""

import cv2
import numpy as np
import pytest
from drawn_faces import draw_face

from maskgan.editing.hair_colours import colours_of_hair, in_colours_of
from maskgan.editing.hairdressing import put_on, seen_of
from maskgan.editing.oklab import to_oklab
from maskgan.editing.strands_in_black import with_strands_in_black
from maskgan.labels import BROWS, Label
from maskgan.quick_edits import QUICK_EDITS
from maskgan.quick_edits.hairpieces import Coverage, Part, Worn

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def wears(colours: dict[Label, tuple[int, int, int]], mask: np.ndarray, style: str) -> tuple[np.ndarray, Coverage]:
    """A face in plain colours that wears the whole of a hairpiece, and where it does."""
    palette = np.full((19, 3), (205, 160, 140), np.uint8)
    for label, colour in colours.items():
        palette[label] = colour
    picture = (palette[mask] + np.random.default_rng(0).normal(0, 5, (*mask.shape, 1))).clip(0, 255).astype(np.uint8)
    worn = Worn(style, Part.WHOLE)
    edited = QUICK_EDITS["hairstyle"].apply(mask, 1.0, style)
    return put_on(picture, edited, picture, mask, worn)[0], seen_of(edited, mask, worn)


def test_a_bald_heads_new_hair_has_the_colours_of_its_brows_and_not_of_the_wall() -> None:
    mask = draw_face(512)
    bald = np.where(mask == Label.HAIR, Label.BACKGROUND, mask).astype(np.uint8)
    seam = cv2.dilate((bald == Label.SKIN).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    bald[seam & (bald == Label.BACKGROUND) & (np.indices(bald.shape)[0] < 220)] = Label.HAIR
    assert (bald == Label.HAIR).mean() > 0.006, "what a parser takes for hair"
    wall, brown = (225, 215, 190), (60, 40, 30)
    colours = {Label.BACKGROUND: wall, Label.HAIR: wall, Label.L_BROW: brown, Label.R_BROW: brown}
    result, where = wears(colours, bald, "long_straight")
    assert np.abs(np.median(result[where.alpha > 0.95], axis=0) - brown).max() < 25


def nearly_bald() -> tuple[np.ndarray, np.ndarray]:
    """The mask (512, 512) of a face with little hair, and where (512, 512) bool that is."""
    mask = draw_face(512)
    patch = mask == Label.HAIR
    patch[:, :190] = patch[:, 230:] = False
    mask[(mask == Label.HAIR) & ~patch] = Label.BACKGROUND
    assert 0.002 < patch.mean() < 0.02
    return mask, patch


def test_a_patch_of_wall_in_the_mask_of_hair_does_not_colour_a_bald_heads_new_hair() -> None:
    mask, _ = nearly_bald()
    photo = np.full((512, 512, 3), (90, 60, 45), np.uint8)
    photo[:, :300] = (215, 160, 90)  # the wall on this side, the other one is dark
    photo[mask == Label.SKIN], photo[np.isin(mask, BROWS)] = (120, 80, 60), (40, 28, 20)
    found, brows = (to_oklab(np.float32(colour)) for colour in (colours_of_hair(photo, mask), [[40, 28, 20]]))
    assert np.allclose(found[:, 0], brows[0, 0], atol=2e-3), "its brows tell"


@pytest.mark.parametrize("style", ["long_curls", "long_straight", "shoulder"])
def test_light_hair_has_strands_where_its_lenders_hair_was_black(style: str) -> None:
    result, where = wears({Label.HAIR: (200, 195, 190)}, draw_face(512), style)
    lent = cv2.remap(where.piece.colours, where.cols, where.rows, cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT_101)
    lent = cv2.GaussianBlur(to_oklab(lent)[..., 0], (0, 0), 4)
    light = to_oklab(result)[..., 0]
    rough = np.abs(light - cv2.GaussianBlur(light, (0, 0), 4))
    black, seen = ((where.alpha > 0.95) & there for there in (lent < 0.12, lent > 0.25))
    assert black.mean() > 0.005
    assert rough[black].mean() > 0.3 * rough[seen].mean(), "no plates"


def test_strands_that_go_on_in_black_run_as_those_beside_them() -> None:
    """Light hair, slanted to the right as it falls, whose lender's was black on one side."""
    size = 256
    rows, columns = np.mgrid[:size, :size]
    slant = np.sin((columns - 0.5 * rows) * 2 * np.pi / 12)
    hair = np.float32(120 + 40 * slant)[..., None].repeat(3, 2)
    black = ((columns > 120) & (columns < 200)).astype(np.float32)
    hair[black > 0] = 60
    alpha = ((columns > 40) & (columns < 200) & (rows > 30) & (rows < 230)).astype(np.float32)
    result = with_strands_in_black(hair, black, alpha, 64.0)
    new = (slice(60, 200), slice(130, 190))
    assert result[new].std() > 5
    across, down = (cv2.Sobel(result[..., 0], cv2.CV_32F, *axis)[new] for axis in ((1, 0), (0, 1)))
    assert np.corrcoef(across.ravel(), down.ravel())[0, 1] < -0.9  # a mirror would slant them to the left
    beside = (slice(60, 200), slice(60, 110))
    assert np.array_equal(result[beside], hair[beside])


def test_a_shaved_scalp_does_not_colour_new_hair() -> None:
    mask, scalp = nearly_bald()
    photo = np.full((512, 512, 3), (101, 64, 47), np.uint8)
    photo[np.isin(mask, BROWS)] = (40, 28, 20)
    photo[scalp] = (93, 59, 39)
    found, brows = (to_oklab(np.float32(colour)) for colour in (colours_of_hair(photo, mask), [[40, 28, 20]]))
    assert np.allclose(found[:, 0], brows[0, 0], atol=2e-3), "its brows tell, less the skin beneath"
    assert (np.hypot(*found[:, 1:].T) < 0.8 * np.hypot(*brows[0, 1:])).all()
    photo[scalp] = (30, 25, 25)  # some short hair
    assert np.abs(colours_of_hair(photo, mask) - (30, 25, 25)).max() < 4


def test_black_hair_that_is_cropped_is_black_when_it_is_longer() -> None:
    mask, cropped = nearly_bald()
    photo = np.full((512, 512, 3), (150, 105, 85), np.uint8)
    photo[mask == Label.BACKGROUND] = (230, 230, 225)
    photo[np.isin(mask, BROWS)] = (26, 22, 20)
    photo[cropped] = (84, 82, 80)  # the scalp shines through
    hair, brows, found = (
        float(np.median(to_oklab(np.float32(colours))[:, 0]))
        for colours in (photo[cropped], photo[np.isin(mask, BROWS)], colours_of_hair(photo, mask))
    )
    assert abs(found - (hair + brows) / 2) < 0.02
    photo[np.isin(mask, BROWS)] = (110, 100, 95)  # those of grey hair are none of black
    assert np.abs(colours_of_hair(photo, mask) - (84, 82, 80)).max() < 2
    photo[np.isin(mask, BROWS)] = (26, 22, 20)
    photo[draw_face(512) == Label.HAIR] = (84, 82, 80)
    assert np.abs(colours_of_hair(photo, draw_face(512)) - (84, 82, 80)).max() < 2, "a full head of it is grey"


def test_skin_that_shines_through_a_rim_of_grey_hair_does_not_make_it_red() -> None:
    mask, rim = nearly_bald()
    photo = np.full((512, 512, 3), (205, 160, 140), np.uint8)
    photo[mask == Label.BACKGROUND] = (95, 125, 150)
    photo[rim] = (118, 98, 96)
    red, yellow = to_oklab(colours_of_hair(photo, mask))[:, 1:].T
    assert (red < yellow.clip(0) + 0.006).all() and np.ptp(red) < 0.002
    photo[rim] = (128, 100, 76)  # brown
    assert np.abs(colours_of_hair(photo, mask) - (128, 100, 76)).max() < 2


def test_thin_hair_under_a_hat_tells_its_colours_and_brows_in_its_shadow_do_not() -> None:
    """Grey hair at the temples was black where it was made longer."""
    mask = draw_face(512, extra=("hat",))
    mask[mask == Label.HAIR] = Label.BACKGROUND
    strip = (cv2.dilate((mask == Label.SKIN).astype(np.uint8), np.ones((1, 21), np.uint8)) > 0) & (mask == 0)
    strip &= (np.indices(mask.shape)[0] > 190) & (np.indices(mask.shape)[0] < 270)
    mask[strip] = Label.HAIR
    assert 0.0015 < strip.mean() < 0.01
    photo = np.full((512, 512, 3), (205, 160, 140), np.uint8)
    photo[mask == Label.BACKGROUND], photo[mask == Label.HAT] = (60, 70, 60), (20, 20, 22)
    photo[np.isin(mask, BROWS)], photo[strip] = (28, 22, 20), (150, 148, 146)
    assert np.abs(colours_of_hair(photo, mask) - (150, 148, 146)).max() < 2
    bare = np.where(mask == Label.HAT, Label.BACKGROUND, mask).astype(np.uint8)
    assert to_oklab(colours_of_hair(photo, bare))[:, 0].max() < 0.3, "a bald head's rim may be the wall"


def test_sky_in_the_mask_of_hair_does_not_colour_new_hair() -> None:
    mask = draw_face(512)
    photo = np.full((512, 512, 3), (60, 50, 45), np.uint8)
    photo[:, 200:240] = (120, 170, 230)
    assert (to_oklab(colours_of_hair(photo, mask))[:, 2] > 0).all()
    photo[:] = (70, 90, 200)
    assert (colours_of_hair(photo, mask) == (70, 90, 200)).all(), "dyed"


def test_lightness_keeps_its_order_and_takes_the_wanted_middle() -> None:
    theirs = np.linspace(20, 180, 200)[:, None].repeat(3, 1)
    own = np.linspace(150, 230, 200)[:, None] * np.array([1.0, 0.85, 0.6])
    moved = to_oklab(in_colours_of(theirs[None].astype(np.uint8), own, theirs))[0, :, 0]
    assert (np.diff(moved) >= -1e-4).all()
    assert abs(np.median(moved) - np.median(to_oklab(own)[:, 0])) < 0.02
