"""The report of `lab.evaluate` as a table for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: Characters of a line, of its first column, and least of the others.
WIDTH, FIRST, LEAST = 118, 30, 9

#: Headings of the blocks.
BLOCKS = {
    "unedited": "UNEDITED MASKS",
    "mask_vae": "EDITED: MaskVAE, inner and outer",
    "quick_edits": "EDITED: quick edits",
    "other_masks": "EDITED: other people's masks",
}

#: Rows of each block: title, where the number stands, how many decimals.
ROWS = (
    ("PSNR, dB", ("psnr",), 2),
    ("  without residue", ("plain_psnr",), 2),
    ("SSIM", ("ssim",), 3),
    ("LPIPS", ("lpips",), 3),
    ("FID", ("fid",), 1),
    ("frechet_parser", ("frechet_parser",), 3),
    ("mask consistency: accuracy", ("mask_consistency", "accuracy"), 4),
    ("mask consistency: mIoU", ("mask_consistency", "miou"), 4),
    ("identity distance", ("identity",), 3),
    ("drift, grey levels", ("drift",), 2),
)


def table(report: dict) -> str:
    """The whole report, lines of at most 118 characters (the notes aside)."""
    generators = report["generators"]
    parser, floor, photos = (report[part] for part in ("parser", "floor", "photos"))
    width = max(LEAST, min(max(map(len, generators)), (WIDTH - FIRST) // len(generators) - 2)) + 2
    lines = [
        f"{report['faces']} faces of {report['split']} at {report['resolution']} px",
        f"parser against the annotation: accuracy {parser['accuracy']:.4f}, mIoU {parser['miou']:.4f}",
        f"floor, regions in their mean colours: PSNR {floor['psnr']:.2f} dB, SSIM {floor['ssim']:.3f}",
    ]
    if photos["frechet_parser"] is not None:
        lines.append(f"frechet_parser of one half of the photos to the other: {photos['frechet_parser']:.3f}")
    lines += mask_vae_lines(report.get("mask_vae"))
    lines += ["", row("", [name[: width - 2] for name in generators], width)]
    for block in next(iter(generators.values())):
        lines += block_lines(block, [blocks[block] for blocks in generators.values()], width)
    lines += iou_lines(parser, {name: blocks["unedited"] for name, blocks in generators.items()}, width)
    return "\n".join(lines + [""] * bool(report["notes"]) + list(report["notes"]))


def row(title: str, cells: Sequence[str], width: int) -> str:
    """One line of the table."""
    return f"{title:{FIRST}}" + "".join(f"{cell:>{width}}" for cell in cells)


def block_lines(block: str, reports: Sequence[dict], width: int) -> list[str]:
    """The rows of one kind of masks that any generator has a number for."""
    lines = ["", f"{BLOCKS[block]} ({reports[0]['pictures']} pictures)"]
    for title, path, decimals in ROWS:
        values = [value_at(report, path) for report in reports]
        if any(value is not None for value in values):
            lines.append(row("  " + title, ["-" if v is None else f"{v:.{decimals}f}" for v in values], width))
    return lines


def value_at(report: dict, path: Sequence[str]) -> float | None:
    """The number at a path of keys, None where there is none."""
    for key in path:
        report = report.get(key, {})
    return report if isinstance(report, float) else None


def iou_lines(parser: dict, unedited: Mapping[str, dict], width: int) -> list[str]:
    """IoU by class: of the parser's answers, and of what it finds in each generator's unedited pictures."""
    columns = [parser["iou"], *(block["mask_consistency"]["iou"] for block in unedited.values())]
    width = min(width, (WIDTH - FIRST) // len(columns))
    names = ["parser", *(name[: width - 1] for name in unedited)]
    lines = ["", row("IoU BY CLASS, unedited masks", names, width)]
    for label in dict.fromkeys(label for column in columns for label in column):
        cells = [f"{column[label]:.4f}" if label in column else "-" for column in columns]
        lines.append(row("  " + label, cells, width))
    return lines


def mask_vae_lines(measured: dict | None) -> list[str]:
    """MaskVAE's own numbers, where there is one."""
    if measured is None:
        return []
    ways = ", ".join(
        f"{name.replace('_', ' ')} {value:.3f}" for name, value in measured.get("interpolation", {}).items()
    )
    return [
        f"MaskVAE: accuracy {measured['accuracy']:.4f}, mIoU {measured['miou']:.4f} "
        f"(with classes of a few pixels {measured['miou_all']:.4f})",
        *([f"  {ways}"] if ways else []),
    ]
