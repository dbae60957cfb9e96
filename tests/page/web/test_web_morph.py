"""The page without a server: masks between two masks, what is kept for later edits, and what is said meanwhile."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from web_visitor import EXAMPLE, Visitor, edited_in_python, levels, pipeline_of

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

from maskgan.editing.morphing import Morph
from maskgan.images import read_photo
from maskgan.labels import Label
from maskgan.mask_files import read_mask

pytestmark = [pytest.mark.slow, pytest.mark.browser]

MASKS = [EXAMPLE.parent / "masks" / f"portrait_0{number}.png" for number in (3, 5)]


def test_masks_between_two_masks_are_those_of_the_app(folder: Path, visitor: Visitor) -> None:
    """At both ends, where MaskVAE's smoothing fades in, between, and beyond; by the page's own scripts."""
    code = """async ([places, ...masks]) => {
      const at = (name) => import(new URL(`web/${name}.js`, location));
      const [{ openNetworks }, { MaskLine }] = await Promise.all([at("networks"), at("morph")]);
      const { networks } = await (window.opened ??= openNetworks({ backend: "wasm", progress: () => {} }));
      const line = await MaskLine.between(networks, ...masks);
      const answers = [];
      for (const t of places) {
        answers.push(await line.maskAt(t));
      }
      return answers;
    }"""
    assert not any("mask_encoder" in url or "mask_decoder" in url for url in visitor.asked), "loaded before it is used"
    masks, places = [read_mask(path) for path in MASKS], [0, 0.05, 0.3, 0.5, 0.96, 1, 1.4, -0.4]
    answers = visitor.run(code, places, *masks)
    morph = Morph.between(pipeline_of(folder), *masks)
    for t, answer in zip(places, answers, strict=True):
        got = answer.reshape(masks[0].shape)
        wanted = morph.mask_at(t)
        assert (got != wanted).sum() <= 16, t
        assert t in (0, 1) or min((wanted != mask).mean() for mask in masks) > 0.002
    assert (morph.mask_at(0.5) != morph.mask_at(0.3)).mean() > 0.01


def test_a_mask_on_the_way_to_another_photo_is_used(folder: Path, visitor: Visitor, photo: Path) -> None:
    """What is seen on the way is no step of the canvas's history; what is used is one, and drawn as in the app."""
    page = visitor.page
    visitor.call("reset()")
    visitor.wait_for_drawing()
    original, pipeline = visitor.mask(), pipeline_of(folder)
    other = photo.with_name("another.png")
    Image.fromarray(read_photo(EXAMPLE.parent / "images" / "portrait_02.jpg")).save(other)
    page.locator("#morph .open").click()
    page.locator("#morph input[type=file]").set_input_files(other)
    visitor.wait(lambda: page.locator("#morph .strip button").count() == 6, "the strip")
    visitor.wait(lambda: "not used yet" in page.locator("#time").inner_text(), "the face on the way")
    visitor.wait_for_drawing()
    assert np.array_equal(visitor.mask(), original)
    assert levels(visitor.picture("after"), visitor.picture("before")) > 20
    page.get_by_role("slider", name="Place between the masks").fill("0.3")
    visitor.wait(lambda: "0.30" in page.locator("#time").inner_text(), "the face at 0.3")
    page.locator("#morph .use").click()
    visitor.wait(lambda: (visitor.mask() != original).any(), "the mask")
    visitor.wait_for_drawing()
    wanted = Morph.between(pipeline, original, pipeline.prepare(read_photo(other)).mask).mask_at(0.3)
    assert (visitor.mask() != wanted).mean() < 0.002 < (original != wanted).mean()
    edit = edited_in_python(folder, visitor, photo, original)
    off = np.abs(visitor.picture("after").astype(int) - edit.crop).max(-1)
    assert levels(edit.crop, edit.face.crop) > 40 and np.percentile(off, 99) <= 2, np.percentile(off, (98, 99, 99.9))
    page.locator("[data-do=undo]").click()
    visitor.wait(lambda: np.array_equal(visitor.mask(), original), "the mask as it was")
    visitor.wait_for_drawing()
    np.testing.assert_array_equal(visitor.picture("after"), visitor.picture("before"))


def test_a_mask_goes_back_towards_the_photo_and_away_from_it(visitor: Visitor) -> None:
    """The other end is the photo's own mask; closing the bar shows what is on the canvas again."""
    page = visitor.page
    visitor.call("reset()")
    visitor.wait_for_drawing()
    original = visitor.mask()
    visitor.paint(Label.U_LIP, 24, (215, 380), (300, 380))
    painted, drawn = visitor.mask(), visitor.picture("after")
    page.locator("#morph .open").click()
    page.locator("#morph .own").click()
    visitor.wait(lambda: page.locator("#morph .strip button").count() == 6, "the strip")
    page.locator("#morph .strip button").last.click()  # at 1 the photo's own mask is shown
    visitor.wait(lambda: "1.00" in page.locator("#time").inner_text(), "the face at 1")
    visitor.wait_for_drawing()
    np.testing.assert_array_equal(visitor.picture("after"), visitor.picture("before"))
    page.locator("#morph .close").click()
    visitor.wait(lambda: "This edit took" in page.locator("#time").inner_text(), "the edit")
    visitor.wait_for_drawing()
    assert np.array_equal(visitor.mask(), painted) and (painted != original).any()
    np.testing.assert_array_equal(visitor.picture("after"), drawn)
    visitor.call("reset()")
    visitor.wait_for_drawing()


def test_a_stroke_paints_its_own_place_and_leaves_what_is_painted_far_away(visitor: Visitor) -> None:
    """A smile, then a stroke in a corner: one window is painted for it, and the picture is as if both were."""
    code = """async (example) => {
      const at = (name) => import(new URL(`web/${name}.js`, location));
      const names = ["networks", "editor", "faces", "files", "flow", "quick_edits", "constants"];
      const [networksOf, editor, faces, files, flow, quick, { LABEL }] = await Promise.all(names.map(at));
      const { networks } = await (window.opened ??= networksOf.openNetworks({ backend: "wasm", progress: () => {} }));
      const picture = await files.decode(await (await fetch(new URL(example, location))).blob());
      const { photo, faces: found } = await faces.uprightFaces((name, inputs) => networks.run(name, inputs), picture);
      const face = await editor.prepare(networks, photo, faces.Alignment.ofFace(found[0].points, photo));
      const { mask: smiling, moved } = await quick.quickEdit("smile", face.mask, face.crop.width, 1, undefined);
      const smile = flow.Motion.none(face.mask, face.crop.width).to(smiling, moved);
      const stroke = smiling.slice();
      for (let y = 8; y < 40; y++) stroke.fill(LABEL.CLOTH, 512 * y + 8, 512 * y + 40);
      const both = smile.to(stroke);
      let runs = 0;
      const counted = Object.assign(Object.create(networks), { run: (...inputs) => (runs++, networks.run(...inputs)) });
      const counts = [];
      const crops = [];
      const afresh = { ...face, photo: { ...face.photo } };
      for (const [whose, motion] of [[face, smile], [face, both], [face, smile], [afresh, both]]) {
        runs = 0;
        crops.push((await editor.edit(counted, whose, motion)).crop.data);
        counts.push(runs);
      }
      const differ = (a, b) => crops[a].reduce((most, value, i) => Math.max(most, Math.abs(value - crops[b][i])), 0);
      return { counts, differ: [differ(0, 1), differ(0, 2), differ(1, 3)] };
    }"""
    answer = visitor.page.evaluate(code, f"web/examples/{EXAMPLE.name}")
    assert answer["counts"] == [1, 1, 0, 2]
    assert answer["differ"][0] > 20 and answer["differ"][1:] == [0, 0]


def test_what_is_kept_is_bounded_and_told_apart_by_all_that_it_follows_from(visitor: Visitor) -> None:
    code = """async () => {
      const { Kept } = await import(new URL("web/kept.js", location));
      const kept = new Kept(10, ({ size }) => size);
      const [one, two] = [Uint8Array.of(1, 2), Uint8Array.of(1, 3)];
      kept.keep({ size: 4, name: "one" }, "x", one);
      kept.keep({ size: 4, name: "two" }, "x", two);
      const names = [kept.find("x", one.slice()), kept.find("x", two), kept.find("y", one), kept.find("x")];
      kept.find("x", one); // now the newer one, so that the other goes first
      kept.keep({ size: 4, name: "three" }, "z", one);
      const left = [kept.find("x", one), kept.find("x", two), kept.find("z", one)];
      return [...names, ...left].map((found) => found?.name ?? null);
    }"""
    assert visitor.page.evaluate(code) == ["one", "two", None, None, "one", None, "three"]


def test_undo_and_redo_show_what_was_drawn_without_drawing_it_again(visitor: Visitor) -> None:
    page, pictures = visitor.page, [visitor.picture("after")]
    for action in ("[data-edit=smile]", "[data-edit=shorter_hair]"):
        before = visitor.mask()
        page.locator(action).click()
        visitor.wait(lambda before=before: (visitor.mask() != before).any(), action)
        visitor.wait_for_drawing()
        pictures.append(visitor.picture("after"))
    took = milliseconds(visitor)
    assert levels(pictures[1], pictures[0]) > 20 and levels(pictures[2], pictures[1]) > 20
    for name, expected in (("undo", pictures[1]), ("redo", pictures[2])):
        before = visitor.mask()
        page.locator(f"[data-do={name}]").click()
        visitor.wait(lambda before=before: (visitor.mask() != before).any(), name)
        visitor.wait_for_drawing()
        np.testing.assert_array_equal(visitor.picture("after"), expected)
        assert milliseconds(visitor) < took / 4
    visitor.call("reset()")
    visitor.wait_for_drawing()


def test_what_is_in_work_is_told_at_once_and_the_page_answers_meanwhile(visitor: Visitor) -> None:
    """During short hair, which takes seconds: on the picture itself, and no frame waits long.

    The hair is seen before all that lies around it is painted.
    """
    page, before = visitor.page, visitor.mask()
    page.evaluate("""() => {
      window.watched = { busy: 0, signs: [], visible: false, gap: 0, early: 0, shown: 0, done: false };
      const start = performance.now();
      for (const [event, what] of [["mask-draft-shown", "early"], ["mask-result-shown", "shown"]]) {
        document.addEventListener(event, () => (watched[what] ||= performance.now() - start));
      }
      let last = start;
      const look = () => {
        const now = performance.now();
        watched.gap = Math.max(watched.gap, now - last);
        last = now;
        if (document.querySelector("#result").classList.contains("busy")) watched.busy ||= now - start;
        const compare = document.getElementById("compare");
        const sign = getComputedStyle(compare, "::before");
        if (sign.position === "absolute" && compare.ariaBusy === "true") {
          watched.signs.push(sign.content);
          watched.visible ||= sign.visibility === "visible";
        }
        if (!watched.done) requestAnimationFrame(look);
      };
      look();
    }""")
    start = time.monotonic()
    page.locator("[data-shapes=hairstyle]").select_option("swept_back")
    visitor.wait(lambda: (visitor.mask() != before).any(), "the mask")
    visitor.wait_for_drawing()
    took = 1000 * (time.monotonic() - start)
    watched = page.evaluate("() => { watched.done = true; return watched; }")
    assert 0 < watched["busy"] < took / 4 and watched["gap"] < took / 3
    assert watched["visible"] and "Hairstyle" in watched["signs"][0]
    assert watched["busy"] < watched["early"] < 0.9 * watched["shown"]
    assert page.locator("#compare").get_attribute("aria-busy") == "false"
    visitor.call("reset()")
    visitor.wait_for_drawing()


def test_an_edit_that_nobody_waits_for_is_given_up(visitor: Visitor) -> None:
    """Undo while long hair is drawn: the photo is shown long before the hair would have been."""
    visitor.call("reset()")
    visitor.wait_for_drawing()
    page, before = visitor.page, visitor.mask()
    page.locator("[data-shapes=longer_hair]").select_option("long_layered")
    visitor.wait(lambda: (visitor.mask() != before).any(), "the mask")
    page.locator("[data-do=undo]").click()
    visitor.wait(lambda: np.array_equal(visitor.mask(), before), "the mask as it was")
    visitor.wait_for_drawing()
    np.testing.assert_array_equal(visitor.picture("after"), visitor.picture("before"))
    assert "own face" in page.locator("#time").inner_text() and page.locator("#message").is_hidden()


def milliseconds(visitor: Visitor) -> int:
    """What the last edit took, as the page tells it."""
    return int(visitor.page.locator("#time").inner_text().split()[-2])
