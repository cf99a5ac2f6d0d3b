"""ILSVRC 2015's videos, VID, in their original layout (Russakovsky et al., IJCV 2015)."""

from pathlib import Path

from datasets.ilsvrc import annotated_folders, annotations, find_ilsvrc, read_annotation
from datasets.index import in_threads, read_index
from datasets.sequence import Dataset
from datasets.tracks import IndexedSequences, TrackBuilder, Tracks, literal
from ops.errors import InputError

LAYOUT = (
    "Annotations/VID/train/ILSVRC2015_VID_train_0000/ILSVRC2015_train_00000000/000000.xml with "
    "Data/VID/train/ILSVRC2015_VID_train_0000/ILSVRC2015_train_00000000/000000.JPEG, ..."
)
PATTERNS = {"train": "ILSVRC*_VID_train_*/ILSVRC*_train_*", "val": "ILSVRC*_val_*"}


def vid(root: str | Path | None, split: str = "train", index: str | Path | None = None) -> Dataset:
    """Every annotated target of VID's snippets, one sequence for each track id of a snippet.

    A target is called SNIPPET_TRACK and has the frames in which it is annotated, whatever lies
    between them; occluded ones too, as in pysot. datasets/ilsvrc.py says how boxes are meant.

    Args:
        root: ILSVRC or ILSVRC2015 as it is unpacked, or the folder that holds it.
        split: "train" (3,862 snippets) or "val" (555), as many of them as are there.
        index: where the index of the annotation is kept (datasets/index.py), None for nowhere.

    Raises:
        InputError: another split, a missing folder, an annotation in which nothing can be used.
    """
    root = find_ilsvrc(root, "VID", split, LAYOUT)
    name = f"ILSVRC VID {split}"
    base = root / "Annotations" / "VID" / split
    snippets = annotated_folders(base, PATTERNS[split])
    if not snippets:
        raise InputError(f"{base}: no snippets in it; expected {name} as {LAYOUT}")
    tracks = read_index(index, name, root, snippets, split, lambda: _scan(root, snippets, name))
    return Dataset("ILSVRC VID", split, IndexedSequences(tracks, root))


def _scan(root: Path, snippets: list[Path], name: str) -> Tracks:
    builder = TrackBuilder()
    read = in_threads(_read_snippet, snippets, name, "snippets")
    for snippet, (targets, wrong) in zip(snippets, read, strict=True):
        place = literal(snippet.relative_to(root).as_posix())
        pictures = place.replace("Annotations", "Data", 1) + "/{:06d}.JPEG"
        for track, (numbers, boxes, sizes) in targets.items():
            size = sizes.pop() if len(sizes) == 1 else (0, 0)  # unknown where it changes
            title = f"{snippet.name}_{track}"
            builder.add(title, pictures, numbers, boxes, size, where=place + "/{:06d}.xml")
        for reason, file in wrong:
            builder.leave_out(reason, f"{snippet.relative_to(root).as_posix()}/{file}")
    return builder.build()


def _read_snippet(folder: Path) -> tuple[dict[str, tuple[list, list, set]], list[tuple[str, str]]]:
    """(track id -> (picture numbers, boxes, picture sizes), (reason, file) of what is left out)."""
    targets: dict[str, tuple[list, list, set]] = {}
    wrong = []
    for path in annotations(folder):
        file = path.name
        try:
            number = int(path.stem)
            size, objects = read_annotation(path)
        except (OSError, ValueError):
            wrong.append(("malformed file", file))
            continue
        for track, box in objects:
            if track is None or box is None:
                wrong.append(("object without a track id or a box", file))
                continue
            numbers, boxes, sizes = targets.setdefault(track, ([], [], set()))
            if numbers and numbers[-1] == number:
                wrong.append(("second object of a track in a picture", file))
                continue
            numbers.append(number)
            boxes.append(box)
            sizes.add(size)
    return targets, wrong
