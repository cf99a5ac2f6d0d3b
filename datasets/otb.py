"""OTB-2013 and OTB-2015 in their original layout (Wu et al., CVPR 2013 and PAMI 2015)."""

from pathlib import Path

from datasets.benchmark import (
    PictureSequence,
    Row,
    check_annotations,
    choose,
    existing_root,
    read_list,
    read_truth,
)
from datasets.sequence import Dataset
from ops.errors import InputError

LAYOUT = "NAME/groundtruth_rect.txt with NAME/img/0001.jpg, ..."
# Board has five digits; KiteSurf comes as PNG in some copies.
PATTERNS = ("{:04d}.jpg", "{:05d}.jpg", "{:04d}.png")


def otb(root: str | Path | None, year: int = 2015, sequences: list[str] | None = None) -> Dataset:
    """OTB-2013 (51 targets) or OTB-2015 (100 targets).

    Names are the benchmark's: NAME-1 and NAME-2 are the targets of NAME/groundtruth_rect.1.txt and
    .2.txt on the same pictures. Frame ranges are the benchmark's too: David starts at picture 300,
    and Tiger1 is evaluated from its sixth frame on, although its annotation has the first five.

    Args:
        root: holds a folder for each sequence, NAME/groundtruth_rect.txt with NAME/img.
        year: 2013 or 2015.
        sequences: names of those to take; None for all.

    Raises:
        InputError: an unknown year or sequence, a missing folder, a missing or short annotation.
    """
    if year not in (2013, 2015):
        raise InputError(f"dataset.year={year}: expected 2013 or 2015")
    benchmark = f"OTB-{year}"
    root = existing_root(root, benchmark, LAYOUT)
    rows = [row for row in read_list("otb") if str(year) in row["years"].split()]
    rows, part = choose(rows, sequences, benchmark)
    check_annotations([_annotation(root, row) for row in rows], benchmark, LAYOUT)
    return Dataset(
        benchmark,
        "test",
        [_read_sequence(root, row, benchmark) for row in rows],
        convention="matlab_otb",
        part=part,
        protocols=("ope", "tre", "sre"),
        origin=1.0,
    )


def _annotation(root: Path, row: Row) -> Path:
    folder, _, target = row["name"].partition("-")
    return root / folder / (f"groundtruth_rect.{target}.txt" if target else "groundtruth_rect.txt")


def _read_sequence(root: Path, row: Row, benchmark: str) -> PictureSequence:
    path = _annotation(root, row)
    frames, first, omitted = (int(row[key]) for key in ("frames", "first", "omitted"))
    boxes = read_truth(path, omitted + frames, benchmark)[omitted:]
    folder = path.parent / "img"
    found = (pattern for pattern in PATTERNS if (folder / pattern.format(first)).is_file())
    pattern = next(found, PATTERNS[0])
    attributes = tuple(row["attributes"].split())
    return PictureSequence(row["name"], boxes, folder, pattern, first, attributes=attributes)
