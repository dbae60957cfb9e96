"""onnxruntime-web, which runs the networks in a browser: from the user's npm, or from a copy of the package."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

#: The package and the versions that the page was written for.
PACKAGE = "onnxruntime-web@^1.22"

#: What the page loads of the package's `dist`: for WebAssembly, and for WebGPU.
FILES = (
    *("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"),
    *("ort.webgpu.min.mjs", "ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm"),
)

#: Seconds that npm may take for the 33 MB.
_PATIENCE = 600

_COPY = "or give a copy of the npm package onnxruntime-web with --onnxruntime-web"


@contextlib.contextmanager
def web_runtime(copy: Path | None = None) -> Iterator[Path]:
    """The package's folder, with `dist` and `package.json`, until the block ends.

    Args:
        copy: an unpacked package, its `dist`, or a .tgz of `npm pack`; None fetches it with npm for the while.

    Raises:
        ValueError: there is no npm, it could not get the package, or the copy is not one.
    """
    with tempfile.TemporaryDirectory(prefix="onnxruntime-web-") as name:
        place = Path(name)
        if copy is None:
            copy = _packed(place)
        if copy.is_file():
            copy = _unpacked(copy, place)
        folder = copy.parent if copy.name == "dist" else copy
        missing = [file for file in FILES if not (folder / "dist" / file).is_file()]
        if missing:
            raise ValueError(
                f"{copy} is no copy of onnxruntime-web that the page can use: dist/{missing[0]} is missing; give the "
                f"unpacked npm package, {PACKAGE}, with --onnxruntime-web."
            )
        yield folder


def version_of(folder: Path) -> str:
    """The package's version, "unknown" without its `package.json`."""
    about = folder / "package.json"
    return str(json.loads(about.read_text(encoding="utf-8"))["version"]) if about.is_file() else "unknown"


def _packed(place: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise ValueError(f"The page needs npm, which is not installed: install Node.js, {_COPY}.")
    command = [npm, "pack", PACKAGE, "--silent", "--pack-destination", str(place)]
    try:
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"npm did not bring {PACKAGE} within {_PATIENCE} seconds; try again, {_COPY}.") from error
    packages = list(place.glob("*.tgz"))
    if done.returncode or not packages:
        said = (done.stderr.strip() or "it said nothing").splitlines()[0]
        raise ValueError(f"npm could not get {PACKAGE} ({said}); try again with a network, {_COPY}.")
    return packages[0]


def _unpacked(package: Path, place: Path) -> Path:
    wanted = {f"package/{name}" for name in ("package.json", *(f"dist/{file}" for file in FILES))}
    try:
        with tarfile.open(package) as archive:
            for member in archive:
                if member.isfile() and member.name in wanted:
                    target = place / member.name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with archive.extractfile(member) as content, target.open("wb") as file:
                        shutil.copyfileobj(content, file)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ValueError(f"{package.name} cannot be unpacked ({error}); get it anew with npm pack.") from error
    return place / "package"
