"""Faces are found, cropped with the CelebA-HQ framing, and go back into the photo without a trace."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskgan.editing.faces import Alignment, DetectedFace, detect_faces, feathered_square, paste_back, upright
from maskgan.images import read_photo
from maskgan.labels import Label
from maskgan.mask_files import read_mask

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return read_photo(EXAMPLES / "photo_01.jpg")


@pytest.fixture(scope="module")
def face(photo) -> DetectedFace:
    (face,) = detect_faces(photo)
    return face


@pytest.fixture(scope="module")
def alignment(photo, face) -> Alignment:
    return Alignment.from_face(face, photo.shape[:2])


def textured(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Noise with detail at every scale down to the pixel."""
    rng = np.random.default_rng(seed)
    layers = (cv2.resize(rng.normal(0, 30, (k, k, 3)), (width, height), interpolation=cv2.INTER_CUBIC) for k in (4, 32))
    return (128 + sum(layers) + rng.normal(0, 10, (height, width, 3))).clip(0, 255).astype(np.uint8)


def turned(photo_size: tuple[int, int], centre: tuple[float, float], side: float, degrees: float) -> Alignment:
    angle = np.radians(degrees)
    x = side * np.array((np.cos(angle), np.sin(angle)))
    y = np.array((-x[1], x[0]))
    return Alignment(np.column_stack((x, y, np.array(centre) - x / 2 - y / 2)), photo_size)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return 10 * np.log10(255**2 / max(1e-12, np.mean((a.astype(float) - b) ** 2)))


def test_the_points_of_the_example_lie_on_its_parts(face):
    mask = read_mask(EXAMPLES / "masks" / "photo_01.png")
    near = 8
    for point, parts in zip(
        face.points,
        ({Label.R_EYE}, {Label.L_EYE}, {Label.NOSE}, {Label.U_LIP, Label.L_LIP}, {Label.U_LIP, Label.L_LIP}),
        strict=True,
    ):
        x, y = point.astype(int)
        assert parts & set(np.unique(mask[y - near : y + near, x - near : x + near]))
    assert face.confidence > 0.95


def test_every_example_has_one_face():
    for path in [*EXAMPLES.glob("*.jpg"), *EXAMPLES.glob("images/*.jpg")]:
        assert len(detect_faces(read_photo(path))) == 1, path


def test_two_faces_come_largest_first(photo):
    half = cv2.resize(photo, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    both = np.full((1100, 1400, 3), 128, np.uint8)
    both[100:650, 10:460] = half
    both[:, 500:] = photo
    first, second = detect_faces(both)
    assert first.box[0] > 500 > second.box[0]
    assert first.box[2] > 1.6 * second.box[2]


def test_a_tiny_face_and_a_small_picture_get_a_second_look(photo):
    small = cv2.resize(photo, None, fx=0.15, fy=0.15, interpolation=cv2.INTER_AREA)  # 165 x 135, face of 35
    big = np.full((2000, 3000, 3), 120, np.uint8)
    big[300:465, 900:1035] = small
    for picture, offset in ((small, (0, 0)), (big, (900, 300))):
        (found,) = detect_faces(picture)
        np.testing.assert_allclose(found.points[2] - offset, np.array((354, 457)) * 0.15, atol=3)


def crowd(photo: np.ndarray, canvas: tuple[int, int], faces: list[tuple[float, int, int]]) -> tuple[np.ndarray, list]:
    """A grey photo (height, width) with the example scaled to (scale, left, top) again and again, and the noses."""
    picture, noses = np.full((*canvas, 3), 120, np.uint8), []
    for scale, left, top in faces:
        small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        picture[top : top + small.shape[0], left : left + small.shape[1]] = small
        noses.append((left + 354 * scale, top + 457 * scale))
    return picture, noses


def test_a_large_face_hides_no_small_ones(photo):
    """Faces from 24 to 600 px in one photo, each found once: the example's face is 240 px wide."""
    sizes = [
        (2.2, 100, 20),
        (0.1, 2600, 100),
        (0.13, 2700, 900),
        (0.2, 2300, 1500),
        (0.5, 2900, 1400),
        (0.1, 3800, 2800),
    ]
    picture, noses = crowd(photo, (3000, 4000), sizes)
    found = detect_faces(picture)
    assert len(found) == len(sizes)
    for (scale, *_), nose in zip(sizes, noses, strict=True):
        assert min(np.hypot(*(face.points[2] - nose)) for face in found) < 24 * scale + 2


def test_small_faces_of_a_panorama_are_found(photo):
    sizes = [(0.11, left, top) for left, top in ((50, 300), (1900, 700), (4000, 40), (6100, 900), (7800, 500))]
    picture, noses = crowd(photo, (1200, 8000), sizes)
    found = detect_faces(picture)
    assert len(found) == 5
    assert all(min(np.hypot(*(face.points[2] - nose)) for face in found) < 4 for nose in noses)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
@pytest.mark.parametrize("degrees", [-12, 0, 12])
def test_a_face_of_a_turned_photo_is_cropped_upright(photo, face, quarters, degrees):
    """Whichever way up a photo is, the points of its face are those of the upright one, turned with it."""
    height, width = photo.shape[:2]
    tilt = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    tilted = cv2.warpAffine(photo, tilt, (width, height), borderMode=cv2.BORDER_REFLECT)
    (found,) = detect_faces(np.ascontiguousarray(np.rot90(tilted, -quarters)))
    assert found.quarters == quarters
    back = found.turned(quarters, np.rot90(tilted, -quarters).shape[:2])
    expected = np.column_stack((face.points, np.ones(5))) @ tilt.T
    np.testing.assert_allclose(back.points, expected, atol=14)
    x, y, w, h = back.box
    assert (np.array((x, y)) < expected.min(0)).all() and (expected.max(0) < np.array((x + w, y + h))).all()


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turned_photos_become_upright_with_their_faces(photo, face, quarters):
    small = cv2.resize(photo, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    both = np.full((1100, 1400, 3), 128, np.uint8)
    both[100:650, 10:460] = small
    both[:, 500:] = photo
    lying = np.ascontiguousarray(np.rot90(both, -quarters))
    turned, faces, degrees = upright(lying, detect_faces(lying))
    np.testing.assert_array_equal(turned, both)
    assert degrees == -90 * quarters % 360
    assert [face.quarters for face in faces] == [0, 0]
    np.testing.assert_allclose(faces[0].points, face.points + np.array((500, 0)), atol=10)


def test_an_upright_photo_is_left_as_it_is(photo, face):
    same, faces, degrees = upright(photo, [face])
    assert same is photo and faces == [face] and degrees == 0
    assert upright(photo, [])[1:] == ([], 0)


def test_a_face_turned_four_times_lies_where_it_did(face):
    size, turned = (1100, 900), face
    for _ in range(4):
        turned = turned.turned(1, size)
        size = size[::-1]
    np.testing.assert_allclose(turned.points, face.points)
    assert turned.box == face.box


def test_pictures_without_faces_have_none():
    noise = np.random.default_rng(0).integers(0, 256, (300, 200, 3)).astype(np.uint8)
    for picture in (noise, np.zeros((32, 900, 3), np.uint8), np.full((40, 33, 3), 255, np.uint8)):
        assert detect_faces(picture) == []


def test_threads_share_the_detector(photo, face):
    found = {}
    threads = [threading.Thread(target=lambda i=i: found.update({i: detect_faces(photo)})) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(found[i][0].points, face.points) for i in range(4))


def test_the_celeba_hq_square_worked_out_by_hand():
    points = np.array([[40, 40], [60, 40], [50, 50], [42, 65], [58, 65]], float)
    # eyes (50, 40), eye_to_eye (20, 0), eye_to_mouth (0, 25); half side max(2 * 20, 1.8 * 25) = 45; centre (50, 42.5)
    alignment = Alignment.from_face(DetectedFace((0, 0, 1, 1), 1.0, points), (100, 100))
    np.testing.assert_allclose(alignment.matrix, [[90, 0, 5], [0, 90, -2.5]])
    assert alignment.side == pytest.approx(90)
    tilted = DetectedFace((0, 0, 1, 1), 1.0, points @ np.array([[0, 1], [-1, 0]]) + (100, 0))  # 90 degrees
    np.testing.assert_allclose(Alignment.from_face(tilted, (100, 100)).matrix, [[0, -90, 102.5], [90, 0, 5]], atol=1e-9)


@pytest.mark.parametrize("number", range(1, 7))
def test_an_aligned_picture_is_recognised_and_taken_whole(number):
    photo = read_photo(EXAMPLES / "images" / f"portrait_{number:02d}.jpg")
    face = detect_faces(photo)[0]
    assert not np.allclose(Alignment.from_face(face, photo.shape[:2]).matrix, [[512, 0, 0], [0, 512, 0]], atol=4)
    taken = Alignment.of_face(face, photo.shape[:2])
    assert taken.is_whole_picture
    np.testing.assert_array_equal(taken.crop(photo, 512), photo)


def test_a_face_elsewhere_in_a_square_or_of_another_shape_is_cut_out():
    points = np.array([[192, 242], [320, 242], [256, 315], [198, 380], [314, 380]], float)
    size = (512, 512)
    centred = Alignment.from_face(DetectedFace((0, 0, 1, 1), 1.0, points), size)
    off = np.abs(centred.to_photo(np.array([[0, 0], [1, 1]]), 1) - [[0, 0], [512, 512]]).max()
    assert off < 0.08 * 512 and Alignment.of_face(DetectedFace((0, 0, 1, 1), 1.0, points), size).is_whole_picture
    smaller, shifted = (points - 256) * 0.8 + 256, points + np.array([50, 0])
    for others, shape in ((smaller, size), (shifted, size), (points, (512, 520))):
        face = DetectedFace((0, 0, 1, 1), 1.0, others)
        cut = Alignment.of_face(face, shape)
        np.testing.assert_array_equal(cut.matrix, Alignment.from_face(face, shape).matrix)
        assert not cut.is_whole_picture


def test_points_go_to_the_photo_and_back(alignment):
    points = np.random.default_rng(0).uniform(-50, 300, (20, 2))
    np.testing.assert_allclose(alignment.to_crop(alignment.to_photo(points, 256), 256), points, atol=1e-9)
    np.testing.assert_allclose(alignment.to_photo(points * 2, 512), alignment.to_photo(points, 256), atol=1e-9)


def test_an_upright_crop_of_whole_pixels_is_the_photo_itself():
    photo = textured(90, 120)
    alignment = turned(photo.shape[:2], (60, 45), 64, 0)
    np.testing.assert_array_equal(alignment.crop(photo, 64), photo[13:77, 28:92])


@pytest.mark.parametrize("side", [100, 256, 700, 1600])
@pytest.mark.parametrize("degrees", [0, 25])
def test_crops_show_what_their_points_say_at_every_scale(side, degrees):
    """A dot of the photo appears in the crop at to_crop(dot), to a tenth of a pixel."""
    photo = np.zeros((2000, 2000, 3), np.uint8)
    alignment = turned((2000, 2000), (1000, 1000), side, degrees)
    dot = alignment.to_photo(np.array([[180.3, 70.8]]), 256)[0]
    yy, xx = np.mgrid[0:2000, 0:2000] + 0.5
    blob = 255 * np.exp(-((xx - dot[0]) ** 2 + (yy - dot[1]) ** 2) / (2 * (side / 60) ** 2))
    photo[:] = blob[..., None]
    crop = alignment.crop(photo, 256)[..., 0].astype(float)
    y, x = np.mgrid[0:256, 0:256] + 0.5
    seen = np.array([(crop * x).sum(), (crop * y).sum()]) / crop.sum()
    np.testing.assert_allclose(seen, (180.3, 70.8), atol=0.1)


def test_shrinking_does_not_alias():
    y, x = np.mgrid[0:1500, 0:1500]
    checkers = np.repeat(((x + y) % 2 * 255).astype(np.uint8)[..., None], 3, -1)
    crop = turned((1500, 1500), (750, 750), 1000, 7).crop(checkers, 256)
    assert crop.std() < 3
    assert abs(crop.mean() - 127.5) < 2


def test_outside_the_photo_it_is_mirrored():
    photo = textured(64, 64)
    crop = turned((64, 64), (0, 32), 64, 0).crop(photo, 64)  # left half lies outside
    np.testing.assert_array_equal(crop[:, :32], crop[:, 32:][:, ::-1])


def test_the_whole_picture_is_a_square_with_the_photo_in_its_middle():
    photo = textured(60, 100)
    alignment = Alignment.whole_picture((60, 100))
    np.testing.assert_array_equal(alignment.crop(photo, 100)[20:80], photo)


def test_a_crop_of_another_photo_is_refused(alignment):
    with pytest.raises(ValueError, match="photo"):
        alignment.crop(np.zeros((10, 10, 3), np.uint8))


@pytest.mark.parametrize("seamless", [False, True])
def test_an_unedited_face_leaves_the_photo_as_it_was(photo, alignment, seamless):
    result = paste_back(photo, alignment, alignment.crop(photo), seamless=seamless)
    assert psnr(result, photo) > 50


def test_without_its_detail_an_unedited_face_still_crops_the_same(photo, alignment):
    crop = alignment.crop(photo)
    result = paste_back(photo, alignment, crop, region=np.ones((256, 256)), detail=0.0)
    assert psnr(alignment.crop(result), crop) > 40
    assert (result != photo).any()


@pytest.mark.parametrize("seamless", [False, True])
@pytest.mark.parametrize("size", [(300, 400), (1200, 900)])
@pytest.mark.parametrize("box", [(100, 140, 90, 170), (0, 40, 0, 256)])
def test_only_the_region_changes(size, box, seamless):
    photo = textured(*size)
    alignment = turned(size, (size[1] * 0.4, size[0] * 0.3), 0.8 * min(size), 20)
    region = np.zeros((256, 256), np.float32)
    top, bottom, left, right = box
    region[top:bottom, left:right] = 1
    edited = alignment.crop(photo)
    edited[top:bottom, left:right] = (250, 10, 10)
    result = paste_back(photo, alignment, edited, region, detail=0.0, seamless=seamless)
    changed = np.argwhere((result != photo).any(-1))[:, ::-1] + 0.5
    x, y = alignment.to_crop(changed).T
    assert len(changed) > 0
    assert (left - 1.5 <= x).all() and (x <= right + 1.5).all()
    assert (top - 1.5 <= y).all() and (y <= bottom + 1.5).all()
    if not seamless:  # the new colour arrives in the middle of what is visible of the region
        middle = np.hypot(x - (left + right) / 2, y - (top + bottom) / 2).argmin()
        px, py = changed[middle].astype(int)
        assert result[py, px].tolist() == [250, 10, 10]


def test_photo_detail_survives_an_edit_and_can_be_dropped_in_part():
    """A lighter crop makes the big photo lighter without blurring it, except where detail is 0."""
    photo = textured(1600, 1600).clip(30, 225)
    alignment = turned((1600, 1600), (800, 800), 1200, 0)
    crop = alignment.crop(photo)
    detail = np.ones((256, 256), np.float32)
    detail[:, 128:] = 0
    result = paste_back(photo, alignment, crop + 20, np.ones((256, 256)), detail=detail)
    kept, dropped = np.s_[400:1200, 300:700], np.s_[400:1200, 900:1300]
    assert np.abs(result[kept].astype(int) - photo[kept] - 20).max() <= 1
    sharpness = [cv2.Laplacian(result[part], cv2.CV_32F).std() for part in (kept, dropped)]
    assert sharpness[0] > 5 * sharpness[1]


def test_a_seamless_paste_takes_the_surrounding_colour():
    photo = np.full((400, 400, 3), 120, np.uint8)
    alignment = turned((400, 400), (200, 200), 256, 0)
    region = np.zeros((256, 256), np.float32)
    region[80:180, 80:180] = 1
    shifted = alignment.crop(photo) + 40  # same texture, wrong colour
    plain = paste_back(photo, alignment, shifted, region)
    joined = paste_back(photo, alignment, shifted, region, seamless=True)
    assert plain[200, 200, 0] == 160
    assert np.abs(joined.astype(int) - 120).max() <= 3


def test_an_empty_region_and_a_face_outside_change_nothing(photo, alignment):
    crop = 255 - alignment.crop(photo)
    np.testing.assert_array_equal(paste_back(photo, alignment, crop, np.zeros((256, 256))), photo)
    outside = turned(photo.shape[:2], (-900, -900), 300, 0)
    np.testing.assert_array_equal(paste_back(photo, outside, crop), photo)


def test_the_feather_is_1_inside_and_0_at_the_edge():
    weight = feathered_square(64)
    assert weight[0].max() == weight[:, -1].max() == 0
    assert (weight[8:-8, 8:-8] == 1).all()
    assert (np.diff(weight[32, :32]) >= 0).all()
