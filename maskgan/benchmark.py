"""How long each stage takes on this machine's CPU: `python -m maskgan.benchmark [--json FILE]`.

Two networks at 256 and 512 px: `studio`, the bundled one, and `published`, the authors' generator (random weights,
which take as long). Both are timed alternately within each round, so that load on the machine affects both alike; the
table and the JSON give medians.

draw: the generator alone, in torch in float32 and in bfloat16 (where the CPU has instructions for it; the app draws so
then), torch.compile, and ONNX Runtime in float32 and 8 bits (`benchmark_backends.py`), with its parameters and GFLOP as
its layers are written, GFLOP/s, their share of what this CPU reaches in a product of large float32 matrices in the same
run, and the memory of a process that does nothing else. Compiling takes about a minute a size and is done at 256 px
only, for a minute at most. A backend that fails says why.

parse: a crop to its mask. style: encode the style of a crop. edit: a painted mask, of which a third changed, to the
edited crop with an encoded style (`MaskGANPipeline.edit`). At the size that people edit at also: detect, find the faces
of a 12-megapixel photo; prepare, all work once per photo, on the 12 megapixels; window, an edit of 5 % of the crop,
for which only a window is painted; warp, an edit that only moves pixels, bigger eyes.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch

from maskgan.benchmark_backends import (
    BACKENDS,
    COMPILED,
    COMPILING,
    MATRIX,
    Generator,
    Runner,
    inputs_for,
    matrix_gflops,
    runner,
    write,
)
from maskgan.editing.edit import Edit, Face
from maskgan.editing.faces import Alignment
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.warping import FLOWS, Motion
from maskgan.images import read_photo
from maskgan.labels import Label
from maskgan.mask_files import read_mask, resize_mask
from maskgan.networks.dense_mapping import DenseMappingNetwork
from maskgan.quick_edits import QUICK_EDITS
from maskgan.sizes import CROP_SIZE

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SIZES = (256, 512)

#: Stage name, and what is called.
Stages = dict[str, Callable[[], object]]


def large_photo(portrait: np.ndarray) -> np.ndarray:
    """A 12-megapixel photo (3000, 4000, 3) uint8 of a 1500 px portrait on a plain background."""
    wall = np.linspace(150, 210, 4000)[None, :, None]
    photo = np.broadcast_to(wall, (3000, 4000, 3)).astype(np.uint8)
    photo[900:2400, 1250:2750] = cv2.resize(portrait, (1500, 1500), interpolation=cv2.INTER_CUBIC)
    return photo


def small_hat(mask: np.ndarray, share: float) -> np.ndarray:
    """An edit of a mask (S, S) that gives a rectangle at the top, `share` of all pixels, to a hat."""
    size = mask.shape[0]
    high, wide = (round(size * np.sqrt(share * ratio)) for ratio in (0.5, 2))
    edited = mask.copy()
    edited[size // 16 : size // 16 + high, (size - wide) // 2 : (size + wide) // 2] = Label.HAT
    return edited


def stages_at(size: int, pipelines: dict[str, MaskGANPipeline], portrait: np.ndarray, mask: np.ndarray) -> dict:
    """{network: Stages} for crops of `size`, without `prepare` and `detect`."""
    crop = cv2.resize(portrait, (size, size), interpolation=cv2.INTER_AREA)
    before = resize_mask(mask, (size, size), smooth=True)
    after = small_hat(before, 1 / 3)
    stages: dict[str, Stages] = {}
    for name, pipeline in pipelines.items():
        style = partial(pipeline.encode_style, crop, before)
        face = Face(
            crop, crop, before, np.ones(before.shape, np.float32), style(), Alignment.whole_picture(crop.shape[:2])
        )
        stages[name] = {"style": style, "edit": partial(_painted, pipeline, face, after)}
    studio = pipelines["studio"]
    stages["studio"]["parse"] = lambda: studio.parse(crop)
    if size == CROP_SIZE:
        face = studio.face_with(crop, before)
        window = small_hat(before, 0.05)
        larger, moved, _ = QUICK_EDITS["bigger_eyes"].move(before)
        stages["studio"]["window"] = partial(_painted, studio, face, window)
        stages["studio"]["warp"] = lambda: studio.edit(face, larger, motion=Motion.none(before).to(larger, moved))
    return stages


def _painted(pipeline: MaskGANPipeline, face: Face, mask: np.ndarray) -> Edit:
    """An edit of which nothing was painted or moved before."""
    pipeline.painted.clear()
    FLOWS.clear()
    return pipeline.edit(face, mask)


def measure(stages: dict[str, Stages], repeats: int) -> dict[tuple[str, str], float]:
    """Median milliseconds by (network, stage); every round measures every stage of every network.

    A measurement is three consecutive calls, like consecutive strokes; the first one warms the CPU caches and is not
    counted.
    """
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for _ in range(repeats):
        for net, calls in stages.items():
            for stage, call in calls.items():
                call()
                for _ in range(2):
                    start = time.perf_counter()
                    call()
                    times[net, stage].append((time.perf_counter() - start) * 1000)
    return {key: statistics.median(values) for key, values in times.items()}


def benchmark(
    studio: MaskGANPipeline, published: MaskGANPipeline, repeats: int, sizes: Sequence[int] = SIZES
) -> list[dict]:
    """Rows of whole stages: {"net", "stage", "backend", "size", "ms"}."""
    portrait = read_photo(EXAMPLES / "images" / "portrait_01.jpg")
    mask = read_mask(EXAMPLES / "masks" / "portrait_01.png")
    photo = large_photo(portrait)
    pipelines = {"studio": studio, "published": published}
    whole = {"detect": lambda: studio.detect(photo), "prepare": lambda: studio.prepare(photo)}
    rows = []
    for size in sizes:
        stages = stages_at(size, pipelines, portrait, mask)
        if size == CROP_SIZE:
            stages["studio"] |= whole
        medians = measure(stages, repeats)
        rows += [
            {"net": net, "stage": stage, "backend": "torch", "size": size, "ms": round(ms, 2)}
            for (net, stage), ms in medians.items()
        ]
    return rows


def drawings(
    studio: MaskGANPipeline,
    published: MaskGANPipeline,
    repeats: int,
    threads: int,
    backends: Sequence[str] = BACKENDS,
    sizes: Sequence[int] = SIZES,
) -> tuple[list[dict], float]:
    """Rows of the generators in every backend, and the GFLOP/s of a product of large matrices.

    {"net", "stage": "draw", "backend", "size", "ms", "gflop", "gflops", "of_peak", "parameters", "peak_mb"}; in place
    of the numbers "reason", one line, where a backend cannot run.
    """
    portrait = read_photo(EXAMPLES / "images" / "portrait_01.jpg")
    mask = read_mask(EXAMPLES / "masks" / "portrait_01.png")
    generators = {}
    for name, pipeline in (("studio", studio), ("published", published)):
        inputs = {}
        for size in sizes:
            crop = cv2.resize(portrait, (size, size), interpolation=cv2.INTER_AREA)
            before = resize_mask(mask, (size, size), smooth=True)
            inputs[size] = inputs_for(pipeline.dmn, crop, before, small_hat(before, 1 / 3))
        generators[name] = Generator(pipeline.dmn, inputs)
    rows: dict[tuple[str, str, int], dict] = {}
    peak = 0.0
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        runners: dict[tuple[str, str], Runner] = {}
        reasons: dict[tuple[str, str], str] = {}
        for net, generator in generators.items():
            place = Path(folder) / net
            failed = write(generator, place, tuple(backends))
            for backend in backends:
                if backend in failed:
                    reasons[net, backend] = failed[backend]
                else:
                    runners[net, backend] = stack.enter_context(runner(place, backend, threads))
        for size in sizes:
            seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
            memory: dict[tuple[str, str], float | None] = {}
            for turn in range(repeats + 1):
                peak = max(peak, matrix_gflops())
                for key, running in runners.items():
                    if running.reason is not None or (key[1] == COMPILED and size != sizes[0]):
                        continue
                    with contextlib.suppress(RuntimeError):  # it has told its reason
                        if turn == 0 and key[1] == COMPILED:
                            running.draw(size, COMPILING)
                        elif turn == 0:  # warms up
                            running.draw(size)
                        else:
                            took, memory[key] = running.draw(size)
                            seconds[key].append(took)
            for net, backend in itertools.product(generators, backends):
                key, row = (net, backend), {"net": net, "stage": "draw", "backend": backend, "size": size}
                if seconds[key]:
                    gflop, took = generators[net].gflop(size), statistics.median(seconds[key])
                    row |= {"ms": round(1000 * took, 2), "gflop": round(gflop, 2), "gflops": round(gflop / took, 1)}
                    row |= {"parameters": generators[net].parameters, "peak_mb": memory[key] and round(memory[key])}
                else:
                    once = f"compiled at {sizes[0]} px only, since each size takes a minute"
                    row["reason"] = reasons.get(key) or runners[key].reason or once
                rows[(*key, size)] = row
    for row in rows.values():
        if "gflops" in row:
            row["of_peak"] = round(row["gflops"] / peak, 2)
    return list(rows.values()), round(peak, 1)


def drawing_table(rows: Sequence[dict], peak: float) -> str:
    """The generators' rows as a text table, and how the published one in its best backend compares."""
    lines = [f"{'draw, ms (median)':25}{'size':>5}{'ms':>9}{'GFLOP':>8}{'GFLOP/s':>9}{'of peak':>9}{'MB':>7}"]
    for row in rows:
        if row["stage"] == "draw":
            start = f"{row['net'] + ' ' + row['backend']:25}{row['size']:5}"
            if "reason" in row:
                lines.append(f"{start}  not measured: {row['reason']}")
            else:
                speed = f"{row['ms']:9.1f}{row['gflop']:8.1f}{row['gflops']:9.1f}{row['of_peak']:9.0%}"
                lines.append(f"{start}{speed}{row['peak_mb'] or 0:7.0f}")
    lines.append(f"A product of {MATRIX} x {MATRIX} matrices: {peak:.0f} GFLOP/s at best.")
    parameters = {row["net"]: row["parameters"] for row in rows if "parameters" in row}
    lines.append(", ".join(f"{net}: {count / 1e6:.1f} M parameters" for net, count in parameters.items()))
    for size in dict.fromkeys(row["size"] for row in rows):
        theirs = [row["ms"] for row in rows if (row["net"], row["stage"], row["size"]) == ("published", "draw", size)
                  and "ms" in row]  # fmt: skip
        ours = {row["stage"]: row["ms"] for row in rows if row["net"] == "studio" and row["size"] == size
                and row["stage"] in ("edit", "window", "warp")}  # fmt: skip
        if theirs and ours:
            ratios = ", ".join(f"{stage} {min(theirs) / ms:.1f}x" for stage, ms in ours.items())
            lines.append(f"{size} px: published generator alone, in its best backend, against studio's {ratios}")
    return "\n".join(lines)


def table(rows: Sequence[dict]) -> str:
    """The rows of whole stages as a text table, with the ratio of the two networks' edit times."""
    ms = {(row["net"], row["stage"], row["size"]): row["ms"] for row in rows if row["stage"] != "draw"}
    lines = [f"{'ms (median)':20}" + "".join(f"{size:>9} px" for size in SIZES)]
    studio = ("detect", "parse", "style", "prepare", "warp", "window", "edit")
    for net, stages in (("studio", studio), ("published", ("style", "edit"))):
        for stage in stages:
            cells = (ms.get((net, stage, size)) for size in SIZES)
            lines.append(
                f"{net + ' ' + stage:20}" + "".join(f"{'-':>12}" if v is None else f"{v:12.1f}" for v in cells)
            )
    ratios = (ms["published", "edit", size] / ms["studio", "edit", size] for size in SIZES)
    lines.append(f"{'published / studio':20}" + "".join(f"{ratio:11.1f}x" for ratio in ratios) + "   edit")
    lines.append("detect and prepare: a photo of 12 megapixels; warp moves pixels only, window paints 5 % of the crop")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m maskgan.benchmark",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows here too")
    parser.add_argument("--weights", type=Path, metavar="FOLDER", help="other weights than the bundled ones")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="CPU threads (default: 2)")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="rounds (default: 3)")
    parser.add_argument(
        "--backends", nargs="+", choices=BACKENDS, default=BACKENDS, metavar="NAME", help="of draw (default: all)"
    )
    args = parser.parse_args(argv)
    if args.threads < 1 or args.repeats < 1:
        parser.error("--threads and --repeats need at least 1.")
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)
    try:
        studio = MaskGANPipeline.load(args.weights, device="cpu")
        published = MaskGANPipeline(DenseMappingNetwork.preset("published"), studio.parser)
        rows = benchmark(studio, published, args.repeats)
        drawn, peak = drawings(studio, published, args.repeats, args.threads, args.backends)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(f"{args.threads} threads, {args.repeats} rounds, torch {torch.__version__}")
    print(table(rows), drawing_table(rows + drawn, peak), sep="\n\n")
    if args.json:
        about = {"threads": args.threads, "torch": torch.__version__, "matrix_gflops": peak}
        args.json.write_text(json.dumps({**about, "rows": rows + drawn}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
