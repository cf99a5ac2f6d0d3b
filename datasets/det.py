"""ILSVRC's stills for detection, DET, in their original layout (Russakovsky et al., IJCV 2015)."""

from pathlib import Path

from datasets.ilsvrc import Object, annotated_folders, annotations, find_ilsvrc, read_annotation
from datasets.index import in_threads, read_index
from datasets.sequence import Dataset
from datasets.tracks import IndexedSequences, TrackBuilder, Tracks, literal
from ops.errors import InputError

LAYOUT = (
    "Annotations/DET/train/ILSVRC2013_train/n00007846/n00007846_103856.xml and "
    "Annotations/DET/train/ILSVRC2014_train_0000/ILSVRC2014_train_00000001.xml with "
    "Data/DET/train/..., the same names with .JPEG"
)
PATTERNS = {"train": ("ILSVRC*train*", "ILSVRC*train*/n*"), "val": ()}
TOGETHER = 256  # files that a thread reads at a time


def det(root: str | Path | None, split: str = "train", index: str | Path | None = None) -> Dataset:
    """Every annotated object of DET, each a still picture called PICTURE_N, N its place from 0.

    Pictures without an annotation, the negative ones among them, have no target to offer.

    Args:
        root: ILSVRC or ILSVRC2015 as it is unpacked, or the folder that holds it.
        split: "train" (ILSVRC2013's and ILSVRC2014's pictures) or "val", whatever is there.
        index: where the index of the annotation is kept (datasets/index.py), None for nowhere.

    Raises:
        InputError: another split, a missing folder, an annotation in which nothing can be used.
    """
    root = find_ilsvrc(root, "DET", split, LAYOUT)
    name = f"ILSVRC DET {split}"
    base = root / "Annotations" / "DET" / split
    folders = [base, *annotated_folders(base, *PATTERNS[split])]
    tracks = read_index(index, name, root, folders, split, lambda: _scan(root, folders, name))
    return Dataset("ILSVRC DET", split, IndexedSequences(tracks, root))


def _scan(root: Path, folders: list[Path], name: str) -> Tracks:
    builder = TrackBuilder(still=True)
    files = [path for folder in folders for path in annotations(folder)]
    if not files:
        raise InputError(f"{folders[0]}: no annotations in it; expected {name} as {LAYOUT}")
    groups = [files[first : first + TOGETHER] for first in range(0, len(files), TOGETHER)]
    read = in_threads(_read_files, groups, name, f"x {TOGETHER} files")
    for path, found in zip(files, (found for group in read for found in group), strict=True):
        place = path.relative_to(root).as_posix()
        if found is None:
            builder.leave_out("malformed file", place)
            continue
        picture = place.replace("Annotations", "Data", 1).removesuffix(".xml") + ".JPEG"
        size, objects = found
        for number, (_, box) in enumerate(objects):
            if box is None:
                builder.leave_out("object without a box", place)
                continue
            title = f"{path.stem}_{number}"
            builder.add(title, literal(picture), (0,), box, size, where=literal(place))
    return builder.build()


def _read_files(paths: list[Path]) -> list[tuple[tuple[int, int], list[Object]] | None]:
    """What read_annotation gives of each file, None where it is malformed."""
    found = []
    for path in paths:
        try:
            found.append(read_annotation(path))
        except (OSError, ValueError):
            found.append(None)
    return found
