"""The editor as a page without a server: exported with the bundled weights, served as files, driven in Chromium."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import told_by
from drawn_faces import draw_face
from PIL import Image
from web_visitor import EXAMPLE, SIZE, Site, Visitor, check_alike, edited_in_python, levels, pipeline_of

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

from maskgan.editing.carrying import Carried, carried_offsets
from maskgan.editing.faces import Alignment, detect_faces
from maskgan.editing.glasses import draw_glasses
from maskgan.editing.implausible import without_covered_neck, without_implausible
from maskgan.editing.jewels import draw_jewels
from maskgan.editing.looks import LOOKS, PARTS, looks_with, plain_colour
from maskgan.editing.windows import Window
from maskgan.images import read_photo
from maskgan.labels import NUM_CLASSES, Label
from maskgan.mask_files import read_mask, resize_mask
from maskgan.provenance import AI_SYSTEM, DIGITAL_SOURCE_TYPE
from maskgan.quick_edits import QUICK_EDITS, QuickEditImpossible

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def test_threads_run_on_a_host_that_sends_no_headers_for_them(visitor: Visitor) -> None:
    assert visitor.page.evaluate("crossOriginIsolated")
    assert re.search(r"WebGPU|WebAssembly, [2-9] threads", visitor.page.locator("#engine").inner_text())


def test_the_face_is_found_cropped_and_parsed_as_in_the_app(folder: Path, visitor: Visitor, photo: Path) -> None:
    picture = read_photo(photo)
    alignment = Alignment.of_face(detect_faces(picture)[0], picture.shape[:2])
    assert np.abs(visitor.matrix() - alignment.matrix).max() < 0.005 * alignment.side
    crop = Alignment(visitor.matrix(), picture.shape[:2]).crop(picture, SIZE)
    assert levels(visitor.picture("before"), crop) <= 2
    mask, _ = pipeline_of(folder).parse(crop)
    assert (mask != visitor.mask()).mean() < 0.001


def test_edits_are_those_of_the_app_and_saved_in_full_size_with_their_mark(
    folder: Path, visitor: Visitor, photo: Path
) -> None:
    original, picture = visitor.mask(), read_photo(photo)
    # A window around the mouth, then all of the crop.
    for label, size, points in (
        (Label.U_LIP, 24, ((215, 380), (300, 380))),
        (Label.SKIN, 60, ((150, 100), (256, 80), (360, 100))),
    ):
        visitor.paint(label, size, *points)
        assert re.fullmatch(r"This edit took \d+ ms\.", visitor.page.locator("#time").inner_text())
        edit = edited_in_python(folder, visitor, photo, original)
        assert edit.changed.any() and levels(edit.crop, edit.face.crop) > 20
        check_alike(visitor.picture("after"), edit, Alignment.whole_picture((SIZE, SIZE)), edit.face.crop)
        assert label == Label.SKIN or levels(visitor.picture("after"), edit.crop) <= 2
    saved = Image.open(visitor.save("#png"))
    tells = told_by(saved)
    assert tells["DigitalSourceType"] == DIGITAL_SOURCE_TYPE and tells["AISystemUsed"] == AI_SYSTEM
    assert tells["AISystemVersionUsed"] == pipeline_of(folder).weights.hash
    pixels = np.asarray(saved.convert("RGB"))
    check_alike(pixels, edit, edit.face.alignment, picture)
    same = (edit.photo == picture).all(-1)  # here and there by chance, too, so that only large parts count
    untouched = cv2.erode(same.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    assert untouched.mean() > 0.5
    np.testing.assert_array_equal(pixels[untouched], picture[untouched])

    jpeg = Image.open(visitor.save("#jpeg"))
    assert jpeg.format == "JPEG" and jpeg.size == saved.size and told_by(jpeg) == tells
    assert np.abs(np.asarray(jpeg).astype(int) - pixels).mean() < 3


def test_the_part_of_a_window_that_is_drawn_is_that_of_the_app(visitor: Visitor) -> None:
    random, cases, expected = np.random.default_rng(3), [], []
    for window in (Window.whole(256), Window.whole(512), Window(0.125, 0.25, 0.5, 256), Window(0, 0, 0.375, 192)):
        n = window.pixels
        for _ in range(6):
            (top, left), (high, wide) = random.integers(0, n - 8, 2), random.integers(1, n // 2, 2)
            covered = np.zeros((n, n), bool)
            covered[top : top + high, left : left + wide] = True
            mask = np.full((n, n), random.choice([Label.HAIR, Label.U_LIP]), np.uint8)
            rows, columns = drawn = window.drawn(covered, mask)
            below, right = np.argwhere(covered).max(0)
            cases.append([*window, int(left), int(top), int(right), int(below), int(mask[0, 0])])
            box = [columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start]
            y, x, height, width = window.share(drawn)
            expected.append([*box, x, y, width, height])
    found = visitor.page.evaluate(
        """async (cases) => {
          const { Window } = await import(new URL("web/compositing.js", location));
          return cases.map(([x, y, side, n, left, top, right, bottom, label]) => {
            const [covered, mask] = [new Uint8Array(n * n), new Uint8Array(n * n).fill(label)];
            const window = new Window(x, y, side, n);
            for (let row = top; row <= bottom; row++) covered.fill(1, row * n + left, row * n + right + 1);
            const box = window.drawn(covered, mask);
            return [box, window.share(box)].flatMap(({ left, top, width, height }) => [left, top, width, height]);
          });
        }""",
        cases,
    )
    assert found == expected
    assert len({tuple(box[2:4]) for box in found}) > 4  # they differ, and are no squares


def test_lids_irises_and_corners_of_mouths_move_as_in_the_app(visitor: Visitor) -> None:
    """Where the photo's pixels come from, by the page's scripts, as far as smaller eyes, brows and lips tell it."""
    code = """async ([name, mask, size]) => {
      const { quickEdit } = await import(new URL("web/quick_edits.js", location));
      return [(await quickEdit(name, mask, size)).moved];
    }"""
    glasses = draw_face(SIZE // 2, extra=("glasses",))
    bare = read_mask(EXAMPLE.parent / "masks" / "portrait_05.png")
    for name, mask in (
        ("smaller_eyes", bare),
        ("raised_brows", bare),
        ("open_mouth", bare),
        ("raised_brows", glasses),
    ):
        wanted = QUICK_EDITS[name].move(mask).moved
        (got,) = visitor.run(code, name, mask, len(mask))
        got = got.reshape(wanted.shape)
        told = np.isfinite(wanted[..., 0])
        assert told.sum() > 1000
        assert (told != np.isfinite(got[..., 0])).mean() < 1e-4
        both = told & np.isfinite(got[..., 0])
        off = np.abs(got - wanted)[both].max(-1)
        assert np.percentile(off, 99) < 0.02 and off.max() < 0.5, name


def test_quick_edits_change_masks_as_the_app_does(visitor: Visitor) -> None:
    """Every button in its shapes, weaker and stronger, by the page's own scripts: on dark glasses, on an open mouth.

    Weaker and stronger on masks of half the side, where the same steps take a quarter of the time.
    """
    code = """async ([edits, mask, size, strength]) => {
      const { quickEdit } = await import(new URL("web/quick_edits.js", location));
      const answers = [];
      for (const [name, shape] of edits) {
        try {
          const { mask: edited } = await quickEdit(name, mask, size, strength, shape);
          answers.push(edited);
        } catch ({ message }) {
          answers.push(message);
        }
      }
      return answers;
    }"""
    names = [button.get_attribute("data-edit") for button in visitor.page.locator("#quick [data-edit]").all()]
    edits = [(name, shape) for name in names for shape in [v.name for v in QUICK_EDITS[name].variants] or [""]]
    assert names == list(QUICK_EDITS) and len(edits) > len(names) + 8
    firsts = list({name: (name, shape) for name, shape in reversed(edits)}.values())
    glasses, bare = (read_mask(EXAMPLE.parent / "masks" / f"portrait_0{k}.png") for k in (3, 5))
    smaller = resize_mask(bare, (SIZE // 2, SIZE // 2), smooth=True)
    scarf = draw_face(SIZE // 2, extra=("scarf",))
    fringe = scarf.copy()
    fringe[: SIZE // 6][fringe[: SIZE // 6] == Label.SKIN] = Label.HAIR
    assert 0.01 < (fringe == Label.HAIR).mean() < 0.04
    for portrait, mask, tried, strength in (
        ("glasses", glasses, firsts, 1),
        ("bare", bare, edits, 1),
        ("bare", smaller, firsts, 0.3),
        ("bare", smaller, firsts, 1.9),
        ("scarf", scarf, firsts, 1),
        ("fringe", fringe, [("remove_hat", "")], 1),
        ("brim", draw_face(SIZE // 2, extra=("brim",)), firsts, 1),
    ):
        answers = visitor.run(code, tried, mask, len(mask), strength)
        for (name, shape), answer in zip(tried, answers, strict=True):
            try:
                wanted = QUICK_EDITS[name].apply(mask, strength, shape or None)
            except QuickEditImpossible as reason:
                assert answer == str(reason)
                continue
            assert (wanted != mask).any() or strength < 1
            got = answer.reshape(mask.shape)
            # Along the outline of somebody's hair, in up to one of two thousand pixels that change.
            assert (got != wanted).sum() <= max(16, (wanted != mask).sum() / 2000), (portrait, name, shape, strength)


def test_what_cannot_be_is_none_as_in_the_app(visitor: Visitor) -> None:
    code = """async ([planes, size]) => {
      const { withoutImplausible } = await import(new URL("web/implausible.js", location));
      return withoutImplausible(planes, size);
    }"""
    random = np.random.default_rng(0)
    for worn, place in ((), np.s_[60:90, 2:20]), (("hat",), np.s_[100:104, 3:9]):
        mask = draw_face(128, extra=worn)
        mask[place] = Label.HAT
        planes = random.uniform(0, 0.4, (NUM_CLASSES, 128, 128)).astype(np.float32)
        np.put_along_axis(planes, mask[None].astype(int), 0.9, 0)
        crumb = np.s_[:, 118:122, 2:8]
        planes[crumb] = 0.04
        planes[Label.HAIR][crumb[1:]] = 0.5
        for left, sure in ((30, 0.7), (96, 0.95 if worn else 0.75)):
            planes[:, 70:74, left : left + 4] = 0.1
            planes[Label.EAR_R, 70:74, left : left + 4] = sure
            planes[:, 110:114, left : left + 4] = 0.1
            planes[Label.NECK_L, 110:114, left : left + 4] = sure
        wanted = without_implausible(planes)
        assert not (wanted.argmax(0)[crumb[1:]] == Label.HAIR).any()
        for label in (Label.EAR_R, Label.NECK_L):
            assert (wanted.argmax(0)[:, 24:] == label).sum() == (32 if worn else 0)
        assert (wanted.argmax(0)[place] != Label.HAT).all() and (wanted.argmax(0) == Label.HAT).any() == bool(worn)
        np.testing.assert_array_equal(visitor.run(code, planes, 128).reshape(planes.shape), wanted)


def test_the_folds_of_a_dark_scarf_are_no_neck_as_in_the_app(visitor: Visitor) -> None:
    code = """async ([crop, mask, size]) => {
      const { withoutCoveredNeck } = await import(new URL("web/implausible.js", location));
      return withoutCoveredNeck({ width: size, height: size, data: crop }, mask);
    }"""
    mask = draw_face(128, extra=("scarf",))
    mask[mask == Label.NECK] = Label.HAT
    mask[118:124, 50:80] = Label.NECK
    for neck in (30, 110):
        crop = np.random.default_rng(0).integers(0, 20, (128, 128, 3), np.uint8)
        crop[mask == Label.SKIN] += np.uint8(190)
        crop[mask == Label.NECK] += np.uint8(neck)
        wanted = without_covered_neck(crop, mask)
        assert (wanted != mask).any() == (neck == 30)
        np.testing.assert_array_equal(visitor.run(code, crop, mask, 128).reshape(mask.shape), wanted)


@pytest.mark.parametrize(
    ("edit", "shape", "look", "label"),
    [
        ("earrings", "drop", "gold_jewel", Label.EAR_R),
        ("earrings", "hoop", "silver_jewel", Label.EAR_R),
        ("necklace", None, "pearl_jewel", Label.NECK_L),
        ("glasses", "round_glasses", "horn_glasses", Label.EYE_G),
        ("glasses", "cat_eye_glasses", "tortoise_glasses", Label.EYE_G),
        ("sunglasses", "aviators", "dark_glasses", Label.EYE_G),
    ],
)
def test_jewels_and_frames_are_drawn_as_in_the_app(
    visitor: Visitor, edit: str, shape: str | None, look: str, label: Label
) -> None:
    code = """async ([size, crop, mask, label, name]) => {
      const at = (module) => import(new URL(`web/${module}.js`, location));
      const names = ["ornaments", "pixels", "dressing"];
      const [{ drawGlasses, drawJewels }, { picture }, { lookNamed }] = await Promise.all(names.map(at));
      const { material } = lookNamed(name);
      const own = picture(size, size, 3, new Float32Array(crop));
      return (label < 0 ? drawGlasses(own, mask, material) : drawJewels(own, mask, label, material)).crop.data;
    }"""
    mask = QUICK_EDITS[edit].apply(draw_face(SIZE), 1.0, shape)
    light, glasses = np.linspace(1.2, 0.5, SIZE)[:, None, None], label == Label.EYE_G
    crop = (light * np.full((SIZE, SIZE, 3), (150, 110, 95))).astype(np.uint8)
    crop[np.isin(mask, (Label.NECK, Label.NECK_L)) & (np.arange(SIZE) < 0.4 * SIZE)] = (150, 152, 155)  # a collar
    material = LOOKS[look].material
    wanted, changed = draw_glasses(crop, mask, material) if glasses else draw_jewels(crop, mask, label, material)
    got = visitor.run(code, SIZE, crop, mask, -1 if glasses else int(label), look).reshape(wanted.shape)
    off = np.abs(got.round().clip(0, 255).astype(int) - wanted).max(-1)
    if label == Label.NECK_L:
        assert not changed[:, : SIZE * 3 // 8].any() and (mask == label)[:, : SIZE * 3 // 8].any()
    assert (changed > 0).sum() > 300 and np.percentile(off[changed > 0], 98) <= 3 and off[changed == 0].max() <= 1


def test_undo_brings_the_photo_back(visitor: Visitor) -> None:
    visitor.paint(Label.SKIN, 40, (215, 395), (300, 395))
    assert levels(visitor.picture("after"), visitor.picture("before")) > 20
    visitor.page.locator("[data-do=reset]").click()
    visitor.wait_for_drawing()
    np.testing.assert_array_equal(visitor.picture("after"), visitor.picture("before"))
    assert "own face" in visitor.page.locator("#time").inner_text()
    assert told_by(Image.open(visitor.save("#png"))) == {}


def test_a_moved_region_takes_its_own_pixels_along_as_in_the_app(folder: Path, visitor: Visitor, photo: Path) -> None:
    visitor.call("reset()")
    visitor.wait_for_drawing()
    original = visitor.mask()
    eye = original == Label.R_EYE
    row, column = (float(np.median(places)) + 0.5 for places in np.nonzero(eye))
    visitor.call("setTool('move')")
    visitor.drag((column, row), (column - 7, row + 9), steps=3)
    visitor.wait_for_drawing()
    moved = np.roll(eye, (9, -7), (0, 1))
    assert np.array_equal(visitor.mask() == Label.R_EYE, moved)
    before, after = visitor.picture("before"), visitor.picture("after")
    there = cv2.erode(moved.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert np.abs(after[there].astype(int) - np.roll(before, (9, -7), (0, 1))[there]).mean() < 2
    region = Carried((round(column - 0.5), round(row - 0.5)), (int(Label.R_EYE),), np.array([[1.0, 0, -7], [0, 1, 9]]))
    told = carried_offsets(original, visitor.mask(), [region])
    edit = edited_in_python(folder, visitor, photo, original, told)
    check_alike(after, edit, Alignment.whole_picture((SIZE, SIZE)), edit.face.crop)
    visitor.call("reset()")
    visitor.wait_for_drawing()


def test_the_strength_of_the_last_quick_edit_is_tuned_as_in_the_app(
    folder: Path, visitor: Visitor, photo: Path
) -> None:
    page = visitor.page
    visitor.call("reset()")
    visitor.wait_for_drawing()
    original = visitor.mask()
    slider = page.get_by_role("slider", name="Strength")
    page.locator("[data-edit=smile]").click()
    visitor.wait(lambda: (visitor.mask() != original).any(), "the smile")
    for strength in ("1.8", "0.4"):
        wanted, moved, _ = QUICK_EDITS["smile"].move(original, float(strength))
        slider.fill(strength)
        visitor.wait(lambda wanted=wanted: (visitor.mask() != wanted).sum() <= 16, f"a smile of {strength}")
    visitor.wait_for_drawing()
    edit = edited_in_python(folder, visitor, photo, original, moved)
    assert levels(edit.crop, edit.face.crop) > 20

    def as_in_the_app() -> bool:
        """Coarse first, fine after a while."""
        off = np.abs(visitor.picture("after").astype(int) - edit.crop).max(-1)
        return np.percentile(off, 99.9) <= 2 and off.max() <= 8

    visitor.wait(as_in_the_app, "the fine picture")
    # It is one step of the history, and what is painted after it is not tuned away.
    page.locator("[data-do=undo]").click()
    visitor.wait(lambda: np.array_equal(visitor.mask(), original), "the mask without a smile")
    visitor.wait_for_drawing()
    page.locator("[data-do=redo]").click()
    visitor.wait(lambda: (visitor.mask() != wanted).sum() <= 16, "the smile again")
    visitor.wait_for_drawing()
    visitor.paint(Label.CLOTH, 20, (250, 440), (262, 440))
    painted = visitor.mask()
    assert (painted != wanted).sum() > 100
    slider.fill("2")
    visitor.settle()
    assert np.array_equal(visitor.mask(), painted)
    slider.fill("1")
    visitor.call("reset()")
    visitor.wait_for_drawing()


def test_a_smile_shows_teeth_and_hair_takes_another_colour_as_in_the_app(
    folder: Path, visitor: Visitor, photo: Path
) -> None:
    original = visitor.mask()
    visitor.page.locator("[data-edit=smile]").click()
    visitor.wait(lambda: (visitor.mask() != original).any(), "the smile")
    visitor.wait_for_drawing()
    mask, moved, _ = QUICK_EDITS["smile"].move(original)
    assert (visitor.mask() != mask).sum() <= 16 and not (original == Label.MOUTH).any() and (mask == Label.MOUTH).any()
    for looks in ({}, {Label.HAIR: LOOKS["copper_hair"]}):
        for look in looks.values():
            visitor.choose_look("Hair", look.name)
        edit = edited_in_python(folder, visitor, photo, original, moved, looks)
        off = np.abs(visitor.picture("after").astype(int) - edit.crop).max(-1)
        assert levels(edit.crop, edit.face.crop) > 20 and np.percentile(off, 99.9) <= 2 and off.max() <= 8
    saved = np.asarray(Image.open(visitor.save("#png")).convert("RGB"))
    assert np.percentile(np.abs(saved.astype(int) - edit.photo).max(-1), 99.9) <= 2


def test_what_is_put_on_and_any_colour_are_those_of_the_app(folder: Path, visitor: Visitor, photo: Path) -> None:
    visitor.begin_anew()
    original, looks = visitor.mask(), {}
    for name, shape in (("sunglasses", "aviators"), ("hat", "beret")):
        before = visitor.mask()
        visitor.page.locator(f"[data-shapes={name}]").select_option(shape)
        visitor.wait(lambda before=before: (visitor.mask() != before).any(), f"the {name}")
        looks = looks_with(looks, name, shape)
    visitor.choose_look("Skin", "#b07a58")
    looks |= {label: plain_colour(label, "#b07a58") for label in PARTS["Skin"]}
    glasses, moved, _ = QUICK_EDITS["sunglasses"].move(original, variant="aviators")
    both, then, _ = QUICK_EDITS["hat"].move(glasses, variant="beret")
    assert (visitor.mask() != both).sum() <= 16
    edit = edited_in_python(folder, visitor, photo, original, looks=looks, motions=[(glasses, moved), (both, then)])
    assert levels(edit.crop, edit.face.crop) > 60
    for shown, expected in (
        (visitor.picture("after"), edit.crop),
        (np.asarray(Image.open(visitor.save("#png")).convert("RGB")), edit.photo),
    ):
        off = np.abs(shown.astype(int) - expected).max(-1)
        assert np.percentile(off, 99) <= 2, np.percentile(off, (99, 99.5, 99.9))
    # What there is nothing to do for says why.
    for name, possible in (("remove_hat", True), ("remove_necklace", False)):
        button = visitor.page.locator(f"[data-edit={name}]")
        assert button.is_enabled() == possible and ("There is no" in button.get_attribute("title")) != possible
    visitor.call("reset()")
    visitor.wait_for_drawing()


def test_the_result_is_painted_on_and_goes_where_the_canvas_goes(visitor: Visitor) -> None:
    page, before = visitor.page, visitor.mask()
    visitor.call(f"setClass({int(Label.HAT)})")
    page.locator("#compare").scroll_into_view_if_needed()
    visitor.settle()
    visitor.to(256, 60, on="result")
    page.mouse.wheel(0, -300)
    visitor.wait(lambda: visitor.call("zoom") > 2, "the zoom")
    visitor.settle()
    visitor.to(256, 60, on="result")
    page.mouse.down()
    page.mouse.up()
    visitor.wait_for_drawing()
    painted = visitor.mask()
    assert painted[60, 256] == Label.HAT and set(painted[painted != before]) == {Label.HAT}
    page.get_by_role("slider", name="Before and after").press("End")
    page.keyboard.press("z")
    page.keyboard.press("Control+z")
    visitor.wait_for_drawing()
    assert np.array_equal(visitor.mask(), before) and visitor.call("zoom") == 1


def test_a_phone_shows_all_of_it_without_scrolling_sideways(visitor: Visitor) -> None:
    page = visitor.page
    page.set_viewport_size({"width": 390, "height": 844})
    try:
        visitor.wait(lambda: page.locator(".mc-stage").bounding_box()["width"] <= 390, "the narrow layout")
        assert not visitor.scrolls_sideways()
        for place in (".mc-stage", "#compare", "#png"):
            box = page.locator(place).bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= 390
        page.locator("#another").click()
        assert page.locator("#drop").is_visible() and not visitor.scrolls_sideways()
    finally:
        page.set_viewport_size({"width": 1280, "height": 720})


def test_a_file_that_is_no_picture_is_refused_in_one_sentence(visitor: Visitor, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    visitor.page.locator("#file").set_input_files(tmp_path / "broken.jpg")
    message = visitor.page.locator("#message")
    visitor.wait(lambda: "cannot read that file" in message.inner_text(), "the refusal")


def test_after_the_first_visit_it_works_without_a_network(visitor: Visitor, site: Site, photo: Path) -> None:
    """The last test, for nobody serves the page after it."""
    site.stop()
    visitor.visit(site.url)
    visitor.open(photo)
    assert (visitor.mask() == Label.SKIN).mean() > 0.1
    visitor.paint(Label.SKIN, 20, (250, 380), (262, 380))
    assert "This edit took" in visitor.page.locator("#time").inner_text()
