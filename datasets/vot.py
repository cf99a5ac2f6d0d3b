"""VOT-2015 to VOT-2019, short-term, in the layouts of their toolkits (Kristan et al.)."""

import re
from pathlib import Path

import numpy as np

from datasets.benchmark import (
    PictureSequence,
    Row,
    check_annotations,
    check_rows,
    choose,
    existing_root,
    read_list,
)
from datasets.pictures import read_picture
from datasets.sequence import Dataset, VOTRules
from ops.box_files import read_flags, read_rows
from ops.errors import InputError

LAYOUT = "NAME/groundtruth.txt with NAME/color/00000001.jpg or NAME/00000001.jpg, ..."
TAGS = ("camera_motion", "illum_change", "motion_change", "size_change", "occlusion")
RULES = {
    2015: VOTRules(
        (108, 371),
        bounded=False,
        legacy=True,
        note="The EAO interval of VOT-2015 is unconfirmed: 108 to 371 or 114 to 378, by source.",
    ),
    2016: VOTRules((108, 371)),
    2017: VOTRules((100, 356)),
    2018: VOTRules((100, 356)),
    2019: VOTRules((46, 291)),
}


def vot(root: str | Path | None, year: int, sequences: list[str] | None = None) -> Dataset:
    """The 60 sequences of one year of VOT.

    Truth is a polygon a frame, kept as the files have it; the boxes that trackers start from are
    aligned_boxes of it. A sequence whose file has boxes x,y,w,h (conduction1, from 2017 on) keeps
    them: its polygons are x,y,w,h and four NaN, since toolkits differ in what pixels a box covers.

    Args:
        root: holds a folder for each sequence, NAME/groundtruth.txt with NAME/color/%08d.jpg (from
            2017 on) or NAME/%08d.jpg; a file NAME/sequence, where there is one, says otherwise.
            NAME/TAG.tag flags the frames that show a challenge; frames without a flag do not.
        year: 2015 to 2019.
        sequences: names of those to take; None for all.

    Raises:
        InputError: an unknown year or sequence, a missing folder, a missing or short annotation.
    """
    if year not in RULES:
        raise InputError(f"dataset.year={year}: expected one of {', '.join(map(str, RULES))}")
    benchmark = f"VOT-{year}"
    root = existing_root(root, benchmark, LAYOUT)
    rows, part = choose(read_list(f"vot{year}"), sequences, benchmark)
    check_annotations([root / row["name"] / "groundtruth.txt" for row in rows], benchmark, LAYOUT)
    return Dataset(
        benchmark,
        "test",
        [_read_sequence(root / row["name"], row, benchmark) for row in rows],
        convention="pysot",
        part=part,
        protocols=("baseline", "realtime"),
        vot=RULES[year],
    )


def aligned_boxes(polygons: np.ndarray) -> np.ndarray:
    """Axis-aligned boxes (N, 4) in the place of polygons (N, 8), to start a tracker from.

    The convention is pysot's (get_axis_aligned_bbox and tools/test.py), which many entries to VOT
    share: the box around the polygon is shrunk, about the mean of the corners, to the polygon's
    area, which is taken as the product of two neighbouring sides. Corners are centres of pixels
    there, so a box from x1 to x2 is x2 - x1 + 1 wide and starts at x1. A polygon without area has
    no such box, NaN.
    """
    corners = polygons.reshape(-1, 4, 2)  # (N, corner, xy)
    spans = corners.max(1) - corners.min(1)  # (N, 2)
    sides = np.linalg.norm(np.diff(corners[:, :3], axis=1), axis=2)  # (N, 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        shrunk = spans * np.sqrt(sides.prod(1) / spans.prod(1))[:, None]
    return np.concatenate([corners.mean(1) - shrunk / 2, shrunk + 1], 1)


def _read_sequence(folder: Path, row: Row, benchmark: str) -> PictureSequence:
    polygons, boxes = _read_regions(folder / "groundtruth.txt", int(row["frames"]), benchmark)
    properties = _read_properties(folder / "sequence")
    usual = "color/%08d.jpg" if (folder / "color").is_dir() else "%08d.jpg"
    color = folder / properties.get("channels.color", usual)
    pattern = re.sub(r"%0(\d+)d", r"{:0\1d}", color.name)
    tags = {tag: _read_tag(folder / f"{tag}.tag", len(boxes), benchmark) for tag in TAGS}
    return PictureSequence(
        row["name"],
        boxes,
        color.parent,
        pattern,
        polygons=polygons,
        tags=tags,
        attributes=tuple(tag for tag in TAGS if tags[tag].any()),
        picture_size=_picture_size(properties, row, color.parent / pattern.format(1)),
    )


def _read_regions(path: Path, frames: int, benchmark: str) -> tuple[np.ndarray, np.ndarray]:
    """Polygons (N, 8), of boxes x,y,w,h and four NaN, and boxes to start from (N, 4)."""
    regions = read_rows(path, (8, 4), "eight numbers x1,y1,...,x4,y4, or four x,y,w,h")
    check_rows(path, len(regions), frames, benchmark)
    if regions.shape[1] == 8:
        return regions, aligned_boxes(regions)
    return np.pad(regions, ((0, 0), (0, 4)), constant_values=np.nan), regions


def _read_properties(path: Path) -> dict[str, str]:
    """KEY=VALUE of a `sequence` file; nothing where there is none, as before 2017."""
    lines = path.read_text("utf-8", "replace").splitlines() if path.is_file() else []
    return dict(line.strip().split("=", 1) for line in lines if "=" in line)


def _read_tag(path: Path, frames: int, benchmark: str) -> np.ndarray:
    """(frames,) bool; what the file leaves out is false."""
    flags = read_flags(path) if path.is_file() else np.zeros(0, bool)
    if len(flags) > frames:
        check_rows(path, len(flags), frames, benchmark)
    return np.pad(flags, (0, frames - len(flags)))


def _picture_size(
    properties: dict[str, str], row: Row, first_picture: Path
) -> tuple[int, int] | None:
    """(width, height) as the `sequence` file, the committed list or the first picture has it."""
    for known in (properties, row):
        width, height = known.get("width", ""), known.get("height", "")
        if width.isdigit() and height.isdigit():
            return int(width), int(height)
    if not first_picture.is_file():
        return None
    height, width = read_picture(first_picture).shape[:2]
    return width, height
