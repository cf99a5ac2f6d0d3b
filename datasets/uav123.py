"""UAV123 in its original layout (Mueller et al., ECCV 2016)."""

from pathlib import Path

from datasets.benchmark import (
    PictureSequence,
    Row,
    check_annotations,
    check_rows,
    choose,
    existing_root,
    read_list,
    read_truth,
)
from datasets.sequence import Dataset
from ops.box_files import read_flags

LAYOUT = "anno/UAV123/NAME.txt with data_seq/UAV123/FOLDER/000001.jpg, ..."
ANNOTATIONS = Path("anno", "UAV123")
ATTRIBUTES = ("SV", "ARC", "LR", "FM", "FOC", "POC", "OV", "BC", "IV", "VC", "CM", "SOB")


def uav123(root: str | Path | None, sequences: list[str] | None = None) -> Dataset:
    """The 123 sequences of UAV123; frames where the target is away have NaN.

    Some are cut from one video: bird1_2 is pictures 775 to 1477 of the folder bird1. Their ranges
    are those of the benchmark's configSeqs.m.

    Args:
        root: holds anno/UAV123/NAME.txt, data_seq/UAV123/FOLDER/%06d.jpg and, for scores by
            attribute, anno/UAV123/att/NAME.txt: twelve flags in the order of ATTRIBUTES.
        sequences: names of those to take; None for all.

    Raises:
        InputError: an unknown sequence, a missing folder, a missing or short annotation.
    """
    root = existing_root(root, "UAV123", LAYOUT)
    rows, part = choose(read_list("uav123"), sequences, "UAV123")
    paths = [root / ANNOTATIONS / f"{row['name']}.txt" for row in rows]
    check_annotations(paths, "UAV123", LAYOUT)
    read = [_read_sequence(root, row, path) for row, path in zip(rows, paths, strict=True)]
    return Dataset("UAV123", "test", read, convention="matlab_otb", part=part, origin=1.0)


def _read_sequence(root: Path, row: Row, path: Path) -> PictureSequence:
    boxes = read_truth(path, int(row["frames"]), "UAV123")
    folder = root / "data_seq" / "UAV123" / row["folder"]
    attributes = _read_attributes(path.parent / "att" / path.name)
    first = int(row["first"])
    return PictureSequence(row["name"], boxes, folder, "{:06d}.jpg", first, attributes=attributes)


def _read_attributes(path: Path) -> tuple[str, ...]:
    """The challenges of a sequence; none where the copy has no such file."""
    if not path.is_file():
        return ()
    flags = read_flags(path)
    check_rows(path, len(flags), len(ATTRIBUTES), "UAV123")
    return tuple(name for name, flag in zip(ATTRIBUTES, flags, strict=True) if flag)
