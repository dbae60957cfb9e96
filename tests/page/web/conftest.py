"""The exported page, somebody's photo, and a visitor who has opened it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from maskgan.images import read_photo

if TYPE_CHECKING:  # which needs what its tests are skipped without
    from web_visitor import Site, Visitor


@pytest.fixture(scope="session")
def folder(made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The bundled weights' export, which the cache keeps, with the page in it."""
    pytest.importorskip("onnxscript")
    from maskgan.editing.pipeline import WEIGHTS
    from maskgan.onnx.cache import exported
    from maskgan.onnx.page import write_page
    from maskgan.onnx.runtime import web_runtime

    def make(place: Path) -> None:
        with web_runtime() as runtime:
            shutil.copytree(exported(WEIGHTS), place)
            write_page(place, runtime)

    try:
        return made_once("site", make)
    except ValueError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An example as PNG, which all readers decode to the same pixels."""
    from web_visitor import EXAMPLE

    path = tmp_path_factory.mktemp("photo") / "somebody.png"
    Image.fromarray(read_photo(EXAMPLE)).save(path)
    return path


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[Site]:
    from web_visitor import Site

    site = Site(folder)
    yield site
    site.stop()


@pytest.fixture(scope="module")
def visitor(site: Site, browser: Any, photo: Path) -> Iterator[Visitor]:
    """Somebody who has opened the photo."""
    from web_visitor import Visitor

    page = browser.new_page(viewport={"width": 1280, "height": 720})
    try:
        visitor = Visitor(page, site.url)
        visitor.open(photo)
        yield visitor
        assert not visitor.errors
        assert {urlsplit(url).netloc for url in visitor.asked if not url.startswith(("blob:", "data:"))} == {
            urlsplit(site.url).netloc
        }
    finally:
        page.close()
