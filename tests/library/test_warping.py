"""The flow between two masks: drawn shapes whose motion is known, faces whose edits hand theirs over."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_faces import draw_face

from maskgan.editing.chins import moved_chin
from maskgan.editing.flows import STILL, compose, disc, jacobian, unfolded, warp_mask, warp_picture
from maskgan.editing.unknown import unknown_after
from maskgan.editing.warping import Motion, flow_between
from maskgan.labels import Label
from maskgan.quick_edits import QUICK_EDITS

TURN = np.deg2rad(14)
#: Name, matrix from the shape before to the shape after, shift in pixels of a 256 px picture.
MOTIONS = {
    "moved": (np.eye(2), (8, -6)),
    "moved far": (np.eye(2), (20, 12)),
    "enlarged": (1.35 * np.eye(2), (0, 0)),
    "shrunk": (0.75 * np.eye(2), (3, 0)),
    "turned": (np.array([[np.cos(TURN), -np.sin(TURN)], [np.sin(TURN), np.cos(TURN)]]), (0, 0)),
    "stretched": (np.diag([1.15, 1.5]), (0, 2)),
    "sheared": (np.array([[1, 0.25], [0, 1]]), (0, 0)),
}


def coordinates(size: int, matrix: np.ndarray, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of every pixel in a shape's own frame, in pixels of a 256 px picture."""
    y, x = np.mgrid[:size, :size].astype(np.float64)
    inverse = np.linalg.inv(matrix) * 256 / size
    x, y = x - centre[0], y - centre[1]
    return inverse[0, 0] * x + inverse[0, 1] * y, inverse[1, 0] * x + inverse[1, 1] * y


def drawn(size: int, shape: str, matrix: np.ndarray, shift: tuple[float, float]) -> np.ndarray:
    """A mask with an eye in an oval of skin."""
    middle = np.array([size / 2, size / 2])
    u, v = coordinates(size, np.eye(2), middle)
    mask = np.where((u / 100) ** 2 + (v / 115) ** 2 < 1, Label.SKIN, Label.BACKGROUND).astype(np.uint8)
    u, v = coordinates(size, matrix, middle + np.array(shift) * size / 256)
    if shape == "ellipse":
        inside = (u / 34) ** 2 + (v / 20) ** 2 < 1
    else:  # two corners, as eyes have them
        inside = (abs(u) < 34) & (abs(v) < 18 * (1 - (u / 34) ** 2))
    mask[inside] = Label.L_EYE
    return mask


def true_flow(size: int, matrix: np.ndarray, shift: tuple[float, float]) -> np.ndarray:
    """Where each pixel of the shape comes from, relative to itself."""
    middle = np.array([size / 2, size / 2])
    u, v = coordinates(size, matrix, middle + np.array(shift) * size / 256)
    y, x = np.mgrid[:size, :size]
    return np.dstack([u * size / 256 + middle[0] - x, v * size / 256 + middle[1] - y])


def errors(flow: np.ndarray, true: np.ndarray, inside: np.ndarray) -> np.ndarray:
    return np.hypot(*np.moveaxis(flow - true, -1, 0))[inside]


@pytest.mark.parametrize("size", [256, 512])
@pytest.mark.parametrize("motion", MOTIONS)
def test_the_displacement_inside_an_eye_is_right_within_a_pixel(size: int, motion: str) -> None:
    matrix, shift = MOTIONS[motion]
    before, after = drawn(size, "eye", np.eye(2), (0, 0)), drawn(size, "eye", matrix, shift)
    flow = flow_between(before, after)
    assert errors(flow, true_flow(size, matrix, shift), after == Label.L_EYE).max() < 1
    assert jacobian(flow).min() > 0
    assert not (unknown_after(before, after, flow) & (after == Label.L_EYE)).any()


@pytest.mark.parametrize("size", [256, 512])
@pytest.mark.parametrize("motion", [name for name in MOTIONS if name != "sheared"])
def test_the_displacement_inside_an_ellipse_is_right_within_a_pixel(size: int, motion: str) -> None:
    matrix, shift = MOTIONS[motion]
    before, after = drawn(size, "ellipse", np.eye(2), (0, 0)), drawn(size, "ellipse", matrix, shift)
    flow = flow_between(before, after)
    assert errors(flow, true_flow(size, matrix, shift), after == Label.L_EYE).max() < 1


def test_a_sheared_ellipse_meets_its_new_outline(size: int = 256) -> None:
    """An ellipse that was sheared is an ellipse: which point of the outline went where, it does not tell."""
    before, after = drawn(size, "ellipse", np.eye(2), (0, 0)), drawn(size, "ellipse", *MOTIONS["sheared"])
    flow = flow_between(before, after)
    wrong = warp_mask(before, flow) != after
    outline = (before != after).sum()
    assert wrong.sum() < 0.1 * outline
    assert not unknown_after(before, after, flow).any()


def test_a_handed_over_shear_is_right_within_a_pixel(size: int = 256) -> None:
    matrix, shift = MOTIONS["sheared"]
    before, after = drawn(size, "ellipse", np.eye(2), (0, 0)), drawn(size, "ellipse", matrix, shift)
    inside = after == Label.L_EYE
    true = true_flow(size, matrix, shift)
    flow = flow_between(before, after, np.where(inside[..., None], true, np.nan).astype(np.float32))
    assert errors(flow, true, inside).max() < 1
    assert jacobian(flow).min() > 0


@pytest.mark.parametrize("size", [(256, 256), (300, 180), (97, 131)])
def test_pictures_of_any_size_take_a_flow(size: tuple[int, int]) -> None:
    before = np.full(size, Label.SKIN, np.uint8)
    after = before.copy()
    before[40:60, 50:90] = Label.NOSE
    after[44:64, 50:90] = Label.NOSE
    flow = flow_between(before, after)
    assert flow.shape == (*size, 2)
    assert abs(flow[54, 70] - (0, -4)).max() < 0.5


def test_nothing_moves_where_nothing_changed() -> None:
    before, after = drawn(256, "eye", np.eye(2), (0, 0)), drawn(256, "eye", np.eye(2), (4, 0))
    before[200:206, 100:150] = after[200:206, 100:150] = Label.U_LIP
    flow = flow_between(before, after)
    assert (flow[after == Label.U_LIP] == 0).all()
    assert (flow[:80] == 0).all() and (flow[180:] == 0).all()
    assert (flow_between(before, before) == 0).all()


def test_an_outline_that_did_not_change_holds_the_skin_beside_it() -> None:
    """A brow that rises does not drag the eye below it along."""
    before = drawn(256, "eye", np.eye(2), (0, 0))
    after = before.copy()
    before[92:100, 100:156] = Label.L_BROW
    after[84:92, 100:156] = Label.L_BROW
    flow = flow_between(before, after)
    assert abs(flow[88, 110:146] - (0, 8)).max() < 0.5
    assert np.abs(flow[after == Label.L_EYE]).max() < 1


def test_the_part_of_an_outline_that_changed_moves_alone() -> None:
    """A wing of the nose goes outwards, the other stays."""
    before = drawn(256, "eye", np.eye(2), (0, 0))
    after = before.copy()
    before[150:190, 110:140] = Label.NOSE
    after[150:190, 110:140] = Label.NOSE
    after[172:188, 140:144] = Label.NOSE
    flow = flow_between(before, after)
    assert -5 < flow[180, 142, 0] < -2
    assert np.abs(flow[150:190, 110:116]).max() < 0.5


def test_hair_that_grows_covers_the_background_and_pushes_it_nowhere() -> None:
    """Single hairs close to its outline come with it."""
    before = drawn(256, "eye", np.eye(2), (0, 0))
    before[before == Label.SKIN] = Label.HAIR
    after = before.copy()
    near = cv2.distanceTransform((before == Label.BACKGROUND).astype(np.uint8), cv2.DIST_L2, 5) < 10
    after[near & (before == Label.BACKGROUND)] = Label.HAIR
    flow = flow_between(before, after)
    length = np.hypot(*np.moveaxis(flow, -1, 0))
    away = cv2.distanceTransform((after == Label.BACKGROUND).astype(np.uint8), cv2.DIST_L2, 5)
    assert np.median(length[(away > 0) & (away <= 1.5)]) > 7
    assert length[away > 10].max() < 0.1
    assert jacobian(flow).min() > 0


def receding(by: int) -> tuple[np.ndarray, np.ndarray]:
    """A mask with a round head of hair, and one in which it has drawn back by so many pixels."""
    before = drawn(256, "eye", np.eye(2), (0, 0))
    before[before == Label.SKIN] = Label.HAIR
    deep = cv2.distanceTransform((before != Label.BACKGROUND).astype(np.uint8), cv2.DIST_L2, 5)
    return before, np.where((before == Label.HAIR) & (deep <= by), np.uint8(Label.BACKGROUND), before)


def test_the_background_stays_behind_hair_that_draws_back_whose_edge_comes_along() -> None:
    before, after = receding(11)
    flow = flow_between(before, after)
    length = np.hypot(*np.moveaxis(flow, -1, 0))
    away = cv2.distanceTransform((after == Label.BACKGROUND).astype(np.uint8), cv2.DIST_L2, 5)
    assert abs(np.median(length[(away > 0) & (away <= 2)]) - 11) < 2
    assert not flow[away > 5].any()
    unknown = unknown_after(before, after, flow)
    assert unknown[(before == Label.HAIR) & (away > 5)].all() and not unknown[after == Label.HAIR].any()
    # What hardly draws back takes the background along, and nothing has to be painted.
    before, after = receding(2)
    flow = flow_between(before, after)
    assert np.hypot(*np.moveaxis(flow, -1, 0))[after == Label.BACKGROUND].max() > 1.5
    assert jacobian(flow).min() > 0 and not unknown_after(before, after, flow).any()


@pytest.mark.filterwarnings("error")
def test_hair_that_fills_the_picture_can_draw_back() -> None:
    before = draw_face(256)
    before[before == Label.BACKGROUND] = Label.HAIR
    after = before.copy()
    cv2.ellipse(after, (205, 120), (30, 45), 0, 0, 360, int(Label.BACKGROUND), -1)
    flow = flow_between(before, after)
    assert np.isfinite(flow).all() and np.abs(flow).max() < 256


def test_hair_that_draws_back_twice_moves_as_at_once() -> None:
    before, between = receding(9)
    after = receding(18)[1]
    twice = Motion.none(before).to(between).to(after).flow
    away = cv2.distanceTransform((after == Label.BACKGROUND).astype(np.uint8), cv2.DIST_L2, 5)
    edge = (away > 0) & (away <= 2)
    assert abs(np.median(np.hypot(*np.moveaxis(twice, -1, 0))[edge]) - 18) < 3
    assert not twice[(before == Label.BACKGROUND) & (away > 22)].any()
    assert unknown_after(before, after, twice)[(before == Label.HAIR) & (away > 5)].all()


def test_a_flow_never_folds() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 6, (64, 64, 2)).astype(np.float32)
    assert jacobian(noise).min() < 0
    assert jacobian(unfolded(noise)).min() > 0
    # Two eyes that jump past each other.
    before = np.full((128, 128), Label.SKIN, np.uint8)
    after = before.copy()
    before[50:70, 30:50], before[50:70, 56:76] = Label.L_EYE, Label.R_EYE
    after[50:70, 56:76], after[50:70, 30:50] = Label.L_EYE, Label.R_EYE
    assert jacobian(flow_between(before, after)).min() > 0


def test_a_class_that_was_not_there_is_unknown_and_a_thin_one_too() -> None:
    before = drawn(256, "eye", np.eye(2), (0, 0))
    after = before.copy()
    after[60:90, 80:180] = Label.HAT
    after[200, 90:160] = Label.NECK_L
    flow = flow_between(before, after)
    unknown = unknown_after(before, after, flow)
    assert unknown[after == Label.HAT].all() and unknown[after == Label.NECK_L].all()
    assert not unknown[110:150].any() and not flow.any()


def test_slivers_along_an_outline_are_no_work_for_a_painter() -> None:
    before = drawn(256, "eye", np.eye(2), (0, 0))
    after = before.copy()
    after[:, 1:] = before[:, :-1]
    assert not unknown_after(before, after, np.zeros((256, 256, 2), np.float32)).any()


def test_a_picture_is_moved_once_and_stays_bit_identical_where_nothing_moves() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    flow = np.zeros((64, 64, 2), np.float32)
    flow[20:40, 20:40] = (3, -2)
    moved = warp_picture(picture, flow)
    assert np.array_equal(moved[20:40, 20:40], picture[18:38, 23:43])
    still = (flow == 0).all(-1)
    assert np.array_equal(moved[still], picture[still])
    assert np.array_equal(warp_picture(picture, 0 * flow), picture)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_single_pixels_move_as_they_would_with_all_others(kind: type) -> None:
    random = np.random.default_rng(0)
    picture = random.uniform(0, 255, (90, 130, 3)).astype(kind)
    flow = random.normal(0, 5, (90, 130, 2)).astype(np.float32)
    y, x = np.mgrid[:90, :130].astype(np.float32)
    whole = cv2.remap(picture, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT)
    assert np.array_equal(warp_picture(picture, flow), whole)
    moving = random.random((90, 130)) < 0.2
    assert np.array_equal(warp_picture(picture, flow * moving[..., None]), np.where(moving[..., None], whole, picture))


def test_two_flows_in_a_row_are_one() -> None:
    first, second = np.zeros((32, 32, 2), np.float32), np.zeros((32, 32, 2), np.float32)
    first[..., 0], second[..., 1] = 2, 3
    assert (compose(first, second) == (2, 3)).all()


@pytest.mark.parametrize("name", ["bigger_eyes", "raised_brows", "wider_nose", "slimmer_face", "fuller_lips", "smile"])
def test_quick_edits_that_know_their_motion_hand_it_over(name: str, face_mask: np.ndarray) -> None:
    after, moved, _ = QUICK_EDITS[name].move(face_mask)
    told = np.isfinite(moved[..., 0])
    assert np.array_equal(after, QUICK_EDITS[name].apply(face_mask))
    assert (np.abs(moved[told]).max(-1) > STILL).any()
    changed = after != face_mask
    assert told[changed & (after != Label.SKIN) & (after != Label.MOUTH)].mean() > 0.8
    # What is told meets the masks: at its source each pixel has the class that it is to show.
    arrived = warp_mask(face_mask, np.nan_to_num(moved))
    inside = told & (after != Label.SKIN)
    assert (arrived == after)[inside].mean() > 0.85
    flow = flow_between(face_mask, after, moved)
    assert jacobian(flow).min() > 0
    error = np.abs(flow - moved).max(-1)[told & changed]
    assert np.median(error) < 1


@pytest.mark.parametrize("name", ["slimmer_face", "rounder_face"])
def test_what_lies_beyond_the_sides_of_a_crop_stays_where_it_is(name: str, face_mask: np.ndarray) -> None:
    for strength in (1.0, 2.0):
        after, moved, _ = QUICK_EDITS[name].move(face_mask, strength)
        flow = flow_between(face_mask, after, moved)
        assert np.abs(flow).max() > 4
        assert np.abs(flow[:, [0, -1]]).max() < 0.5  # or the photo would be torn there
        assert jacobian(flow).min() > 0.3


def test_an_edit_without_strength_moves_nothing(face_mask: np.ndarray) -> None:
    after, moved, _ = QUICK_EDITS["smile"].move(face_mask, 0)
    assert np.array_equal(after, face_mask) and np.isnan(moved).all()


def test_changes_far_apart_do_not_know_of_each_other() -> None:
    size = 512
    before = np.zeros((size, size), np.uint8)
    cv2.ellipse(before, (110, 120), (40, 25), 0, 0, 360, int(Label.L_EYE), -1)
    cv2.ellipse(before, (400, 380), (50, 30), 0, 0, 360, int(Label.NOSE), -1)
    one, both = before.copy(), before.copy()
    for mask in (one, both):
        mask[60:180, 40:180] = 0
        cv2.ellipse(mask, (120, 126), (40, 25), 0, 0, 360, int(Label.L_EYE), -1)
    both[320:440, 320:480] = 0
    cv2.ellipse(both, (392, 372), (50, 30), 0, 0, 360, int(Label.NOSE), -1)
    first, two = flow_between(before, one), flow_between(before, both)
    assert np.array_equal(two[:250, :256], first[:250, :256]) and (two[380, 392] == pytest.approx([8, 8], abs=1))
    told = np.full((size, size, 2), np.nan, np.float32)
    told[340:420, 340:450] = (5, 3)
    handed = flow_between(before, both, told)
    assert np.array_equal(handed[:250, :256], first[:250, :256]) and handed[380, 392] == pytest.approx([5, 3], abs=0.5)


def with_fringe(mask: np.ndarray, shift: int) -> np.ndarray:
    """A drawn face moved down by some pixels, its forehead covered by hair."""
    mask = np.roll(mask, shift, 0)
    brows = np.flatnonzero((mask == Label.L_BROW).any(1))[0]
    mask[: brows - 2][mask[: brows - 2] == Label.SKIN] = Label.HAIR
    return mask


def test_a_fringe_that_covers_a_forehead_moves_no_face() -> None:
    """The skin that is left is another shape; eyes, nose and mouth say how the face has moved."""
    before = draw_face(256, extra=("long hair",))
    after = with_fringe(before, 3)
    flow = flow_between(before, after)
    face = cv2.erode((after == Label.SKIN).astype(np.uint8), disc(4)) > 0
    assert np.abs(flow[face] - (0, -3)).max() < 5, "nowhere near the height of the forehead"
    back = flow_between(after, before)
    assert np.abs(back[face] - (0, 3)).max() < 5


@pytest.mark.parametrize("longer, whole", [(1.3, True), (1.9, False)])
def test_hair_that_becomes_much_longer_is_no_hair_drawn_out(longer: float, whole: bool) -> None:
    y, x = np.mgrid[:256, :256] - 128.0
    before, after = (
        np.where((x / 40) ** 2 + (y / (50 * n)) ** 2 < 1, Label.HAIR, Label.SKIN).astype(np.uint8) for n in (1, longer)
    )
    tip = flow_between(before, after)[128 + round(50 * longer) - 3, 128]
    assert (tip[1] < -0.8 * 50 * (longer - 1)) == whole
    assert unknown_after(before, after, flow_between(before, after))[128 + round(50 * longer) - 3, 128] != whole


def painted_chin(size: int, lower: int) -> tuple[np.ndarray, np.ndarray]:
    """A drawn face, and its mask after a stroke of a brush has made the chin longer, or shorter (lower < 0)."""
    before = draw_face(size)
    rows, columns = np.nonzero(before == Label.SKIN)
    x, y, wide = int(columns.mean()), rows.max(), np.ptp(columns) // 6
    stroke, after = np.zeros(before.shape, np.uint8), before.copy()
    thick = abs(lower) + size // 50
    middle = y + lower - thick // 2 if lower > 0 else y + lower + thick // 2
    cv2.line(stroke, (int(x - wide), int(middle)), (int(x + wide), int(middle)), 1, thick)
    old, new = (Label.NECK, Label.SKIN) if lower > 0 else (Label.SKIN, Label.NECK)
    after[(stroke > 0) & (before == old)] = new
    return before, after


@pytest.mark.parametrize("size", [256, 512])
@pytest.mark.parametrize("share", [0.035, -0.03])
def test_a_chin_that_a_brush_painted_longer_or_shorter_is_moved_and_not_painted(size: int, share: float) -> None:
    lower = round(share * size)
    before, after = painted_chin(size, lower)
    assert (before != after).sum() > 0.001 * before.size
    flow = flow_between(before, after)
    columns = np.flatnonzero((before != after).any(0))
    middle = columns[len(columns) // 2]
    end = np.flatnonzero(after[:, middle] == Label.SKIN)[-1]
    assert abs(flow[end, middle, 1] + lower) < 0.3 * abs(lower) and (jacobian(flow) > 0).all()
    assert not flow[np.isin(before, (Label.MOUTH, Label.U_LIP, Label.L_LIP))].round().any()
    assert unknown_after(before, after, flow).sum() < 0.1 * (before != after).sum()


def test_hair_painted_over_a_neck_moves_no_chin(size: int = 256) -> None:
    before = draw_face(size)
    after = before.copy()
    columns = np.flatnonzero((before == Label.SKIN).any(0))
    neck = before[:, int(columns.mean())] == Label.NECK
    assert moved_chin(before, after) is None
    after[:, int(columns.mean()) - 20 : int(columns.mean()) + 20][neck] = Label.HAIR
    assert (after != before).any() and moved_chin(before, after) is None


def test_a_face_that_moves_as_a_whole_has_no_chin_that_moves_alone(size: int = 256) -> None:
    before, after = painted_chin(size, 9)
    assert moved_chin(before, after) is not None
    moved = draw_face(size)
    features = np.isin(moved, (Label.L_EYE, Label.R_EYE, Label.L_BROW, Label.R_BROW, Label.NOSE))
    elsewhere = np.where(features, Label.SKIN, after)
    elsewhere[12:][features[:-12]] = moved[:-12][features[:-12]]
    assert moved_chin(before, elsewhere.astype(np.uint8)) is None
