"""Style, shapes and skin of another photo in the page without a server, as the app copies them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from web_visitor import EXAMPLE, SIZE, Visitor, edited_in_python, levels, pipeline_of

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

from maskgan.blending import softened
from maskgan.editing.borrowed_glasses import lent_shapes
from maskgan.editing.borrowing import borrowed, with_borrowed
from maskgan.editing.recolouring import parse_colour, recolour_part
from maskgan.editing.skin import SKIN, skin_matte
from maskgan.editing.style_copy import copy_geometry, copy_style
from maskgan.images import read_photo
from maskgan.labels import Label
from maskgan.quick_edits import QUICK_EDITS

PEOPLE = Path(__file__).parents[3] / "examples" / "people"

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def test_the_style_of_another_photo_is_copied_as_in_the_app(folder: Path, visitor: Visitor, photo: Path) -> None:
    """Onto the photo's own face, then onto its smile, then in other regions; and taken off again."""
    visitor.call("reset()")
    visitor.wait_for_drawing()
    page, original = visitor.page, visitor.mask()
    pipeline = pipeline_of(folder)
    other = photo.with_name("another.png")
    Image.fromarray(read_photo(EXAMPLE.parent / "images" / "portrait_02.jpg")).save(other)
    page.locator("#copy .open").click()
    page.locator("#copy input[type=file]").set_input_files(other)
    visitor.wait(page.locator("#copy .regions").is_visible, "the other face")
    visitor.wait_for_drawing()
    source, moved, chosen = pipeline.prepare(read_photo(other)), None, ["lips", "hair"]
    for smiles in (False, True):
        if smiles:
            page.locator("[data-edit=smile]").click()
            visitor.wait(lambda: (visitor.mask() != original).any(), "the smile")
            moved = QUICK_EDITS["smile"].move(original).moved
            page.locator("#copy [data-region=lips]").click()
            for region in ("skin", "background"):
                page.locator(f"#copy [data-region={region}]").click()
            chosen = ["hair", "skin", "background"]
        visitor.wait_for_drawing()
        pressed = page.locator("#copy [aria-pressed=true]").all()
        assert [button.get_attribute("data-region") for button in pressed] == chosen
        edit = edited_in_python(folder, visitor, photo, original, moved)
        copied = copy_style(pipeline, replace(edit.face, crop=edit.crop, mask=visitor.mask()), source, chosen)
        assert levels(copied.crop, edit.crop) > 30
        saved = np.asarray(Image.open(visitor.save("#png")).convert("RGB"))
        on_photo = copied.change.onto(edit.photo, edit.face.alignment)
        for shown, expected in ((visitor.picture("after"), copied.crop), (saved, on_photo)):
            off = np.abs(shown.astype(int) - expected).max(-1)
            assert np.percentile(off, 99.9) <= 2 and off.max() <= 8
    # Neither face wears a hat.
    hat = page.locator("#copy [data-region=accessories]")
    assert hat.is_disabled() and "has none" in hat.get_attribute("title")
    page.locator("#copy .remove").click()
    visitor.wait_for_drawing()
    visitor.call("reset()")
    visitor.wait_for_drawing()
    np.testing.assert_array_equal(visitor.picture("after"), visitor.picture("before"))


def test_skin_and_lips_of_light_and_dark_faces_are_copied_as_in_the_app(folder: Path, visitor: Visitor) -> None:
    """No network is asked for either."""
    pipeline, images = pipeline_of(folder), EXAMPLE.parent / "images"
    dark, light = (pipeline.prepare(read_photo(images / f"portrait_0{number}.jpg")) for number in (1, 5))
    code = """async ([size, region, ...faces]) => {
      const { copyStyle } = await import(new URL("web/style_copy.js", location));
      const { picture } = await import(new URL("web/pixels.js", location));
      const photo = (bytes) => picture(size, size, 3, new Uint8ClampedArray(bytes));
      const [crop, mask, theirs, shapes] = [photo(faces[0]), faces[1], photo(faces[2]), faces[3]];
      const other = { source: { crop: theirs, mask: shapes }, regions: [region], strength: 1 };
      const { crop: result } = await copyStyle(null, crop, mask, { codes: true }, other);
      return result.data;
    }"""
    for face, source in ((dark, light), (light, dark)):
        given = face.crop, face.mask, source.crop, source.mask
        for region in ("skin", "lips"):
            got = visitor.run(code, SIZE, region, *given)
            wanted = copy_style(pipeline, face, source, [region]).crop
            off = np.abs(got.reshape(wanted.shape).astype(int) - wanted).max(-1)
            assert (wanted != face.crop).any(-1).mean() > 0.005
            assert np.percentile(off, 99.9) <= 2 and off.max() <= 8, (region, off.max())


def test_what_a_photo_cannot_show_of_other_shapes_is_the_other_photos_as_in_the_app(
    folder: Path, visitor: Visitor
) -> None:
    pipeline = pipeline_of(folder)
    short, long = (pipeline.prepare(read_photo(PEOPLE / name)) for name in ("person_02.jpg", "person_03.jpg"))
    edit = pipeline.edit(short, long.mask)
    wanted = with_borrowed(edit, long, borrowed(edit, long))
    code = """async ([size, crop, mask, theirs, shapes, flow, edited]) => {
      const { borrowed, withBorrowed } = await import(new URL("web/borrowing.js", location));
      const { picture } = await import(new URL("web/pixels.js", location));
      const photo = (bytes) => picture(size, size, 3, new Uint8ClampedArray(bytes));
      const face = { crop: photo(crop), mask, tone: null };
      const source = { crop: photo(theirs), mask: shapes };
      const motion = { mask: source.mask, flow: picture(size, size, 2, flow) };
      const labels = borrowed(face, motion, source);
      const { crop: result } = withBorrowed(photo(edited), face, source.mask, source, labels);
      return [labels, result.data];
    }"""
    given = short.crop, short.mask, long.crop, long.mask, edit.motion.flow, edit.crop
    labels, got = visitor.run(code, SIZE, *given)
    assert Label.HAIR in labels and labels == borrowed(edit, long)
    off = np.abs(got.reshape(wanted.crop.shape).astype(int) - wanted.crop)
    assert (wanted.crop != edit.crop).any(-1).mean() > 0.15
    assert np.percentile(off, 99.9) <= 2 and off.max() <= 8, np.percentile(off, (99, 99.9, 100))


def with_shapes_of(visitor: Visitor, photo: Path, name: str) -> tuple[np.ndarray, Path]:
    """Open a photo and take the shapes of an example, and none of its style: the mask before, the example as PNG."""
    visitor.open(photo)
    page, original, other = visitor.page, visitor.mask(), photo.with_name("another.png")
    Image.fromarray(read_photo(EXAMPLE.parent / "images" / name)).save(other)
    page.locator("#copy .open").click()
    page.locator("#copy input[type=file]").set_input_files(other)
    visitor.wait(page.locator("#copy .regions").is_visible, "the other face")
    for region in ("lips", "hair"):
        page.locator(f"#copy [data-region={region}][aria-pressed=true]").click()
    page.locator("#copy .shapes").click()
    visitor.wait(lambda: (visitor.mask() != original).any(), "the other shapes")
    visitor.wait_for_drawing()
    return original, other


def test_the_shapes_of_another_photo_are_copied_as_in_the_app(folder: Path, visitor: Visitor, photo: Path) -> None:
    """And nothing of its style."""
    original, other = with_shapes_of(visitor, photo, "portrait_02.jpg")
    source = pipeline_of(folder).prepare(read_photo(other))
    assert (visitor.mask() != source.mask).mean() < 0.002 < (original != source.mask).mean()
    edit = edited_in_python(folder, visitor, photo, original)
    edit, painted = with_borrowed(edit, source, borrowed(edit, source)), edit
    lent = (edit.crop != painted.crop).any(-1)  # the photo cannot show all of the other's clothes
    off, unlike = (np.abs(visitor.picture("after").astype(int) - crop).max(-1) for crop in (edit.crop, painted.crop))
    assert levels(edit.crop, edit.face.crop) > 60
    assert np.percentile(off[~lent], 99) <= 2, np.percentile(off[~lent], (98, 99, 99.9))
    # The other face is found half a pixel from where the app finds it.
    assert lent.mean() > 0.005 and off[lent].mean() < 0.3 * unlike[lent].mean(), (off[lent].mean(), unlike[lent].mean())
    visitor.page.locator("#copy .remove").click()
    visitor.call("reset()")
    visitor.wait_for_drawing()


def test_glasses_of_another_photo_are_those_of_the_wardrobe_as_in_the_app(
    folder: Path, visitor: Visitor, photo: Path
) -> None:
    original, other = with_shapes_of(visitor, photo, "portrait_03.jpg")
    pipeline = pipeline_of(folder)
    source, face = pipeline.prepare(read_photo(other)), edited_in_python(folder, visitor, photo, original).face
    shapes = lent_shapes(source.mask, original)
    assert (shapes.mask != source.mask).mean() > 0.002
    assert (visitor.mask() != shapes.mask).mean() < 0.001 < (visitor.mask() == Label.EYE_G).mean()
    edit = copy_geometry(pipeline, face, source)
    glass, painted = shapes.mask == Label.EYE_G, pipeline.edit(face, source.mask)
    off, unlike = (np.abs(visitor.picture("after").astype(int) - crop).max(-1) for crop in (edit.crop, painted.crop))
    # The other face is found half a pixel from where the app finds it.
    assert np.median(off[glass]) <= 3 and off[glass].mean() < 0.3 * unlike[glass].mean()
    visitor.page.locator("#copy .remove").click()
    visitor.call("reset()")
    visitor.wait_for_drawing()


def test_skin_behind_glasses_and_between_hairs_is_that_of_the_app(folder: Path, visitor: Visitor) -> None:
    code = """async ([size, crop, mask]) => {
      const { skinShare } = await import(new URL("web/skin.js", location));
      const { picture } = await import(new URL("web/pixels.js", location));
      return skinShare(picture(size, size, 3, new Uint8ClampedArray(crop)), mask, 1.6);
    }"""
    face = pipeline_of(folder).prepare(read_photo(EXAMPLE.parent / "images" / "portrait_03.jpg"))
    assert (face.mask == Label.EYE_G).any()
    soft = softened(np.isin(face.mask, SKIN), 1.6 * SIZE / 256)
    got = visitor.run(code, SIZE, face.crop, face.mask).reshape(soft.shape)
    wanted = skin_matte(face.crop, face.mask, 1.6).share
    assert (np.abs(wanted - soft) > 0.5).mean() > 0.005
    off = np.abs(got - wanted)
    assert np.percentile(off, 99.9) < 0.01 and off.max() < 0.2, np.percentile(off, (99, 99.9, 100))


def test_parts_take_other_colours_as_in_the_app(folder: Path, visitor: Visitor) -> None:
    code = """async ([size, crop, mask, label, colour]) => {
      const { recolourPart } = await import(new URL("web/recolouring.js", location));
      const { picture } = await import(new URL("web/pixels.js", location));
      return recolourPart(picture(size, size, 3, new Uint8ClampedArray(crop)), mask, label, colour).data;
    }"""
    face = pipeline_of(folder).prepare(read_photo(EXAMPLE))
    size = len(face.crop)
    for label, colour in (
        *((Label.HAIR, "#d0ae87"), (Label.HAIR, "#1c1816"), (Label.U_LIP, "#6b2545"), (Label.U_LIP, "#c0596a")),
        *((Label.L_EYE, "#5b88b0"), (Label.L_BROW, "#a87a56"), (Label.L_BROW, "#221c1a"), (Label.SKIN, "#93674d")),
    ):
        wanted, share = recolour_part(face.crop, face.mask, label, parse_colour(colour))
        got = visitor.run(code, size, face.crop, face.mask, int(label), colour).reshape(wanted.shape)
        off = np.abs(got.astype(int) - wanted).max(-1)
        changed = share > 0
        assert levels(wanted[changed], face.crop[changed]) > 8, (label, colour)
        assert np.percentile(off[changed], 99) <= 3 and off[~changed].max() <= 1, (label, colour, off[changed].max())
