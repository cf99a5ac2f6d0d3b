"""COCO's still pictures in their original layout (Lin et al., ECCV 2014)."""

import json
from pathlib import Path
from typing import Any

from datasets.benchmark import existing_root
from datasets.index import read_index
from datasets.sequence import Dataset
from datasets.tracks import IndexedSequences, TrackBuilder, Tracks, literal
from ops.errors import InputError

LAYOUT = (
    "annotations/instances_train2017.json with train2017/000000000009.jpg, ... "
    "(or instances.json with img/*, a set of one's own)"
)


def coco(root: str | Path | None, split: str = "train", index: str | Path | None = None) -> Dataset:
    """Every annotated object of COCO 2017, each a still picture called PICTURE_ANNOTATION.

    Boxes are as the file has them, x, y, w, h in 0-based continuous pixels. Crowds (iscrowd) are
    left out, as they are not one target: as pytracking does (ltr/dataset/coco_seq.py), while pysot
    keeps them.

    Args:
        root: holds annotations/instances_SPLIT2017.json with SPLIT2017/ or images/SPLIT2017/; or
            the same file as instances.json with img/, which is then what any split means.
        split: "train" (118,287 pictures) or "val" (5,000).
        index: where the index of the annotation is kept (datasets/index.py), None for nowhere.

    Raises:
        InputError: another split, a missing folder or file, a file that is not COCO's, an
            annotation in which nothing can be used.
    """
    if split not in ("train", "val"):
        raise InputError(f"split={split}: expected train or val of COCO")
    root = existing_root(root, "COCO", LAYOUT)
    path, pictures = _find(root, split)
    name = f"COCO {split}"
    tracks = read_index(index, name, root, [path], pictures, lambda: _scan(path, pictures))
    return Dataset("COCO", split, IndexedSequences(tracks, root))


def _find(root: Path, split: str) -> tuple[Path, str]:
    """(the annotation, the folder of its pictures below root)."""
    published = f"annotations/instances_{split}2017.json"
    folders = (f"{split}2017", f"images/{split}2017")
    for annotation, names in ((published, folders), ("instances.json", ("img",))):
        if not (root / annotation).is_file():
            continue
        for name in names:
            if (root / name).is_dir():
                return root / annotation, name
        raise InputError(f"{root}: no folder {' or '.join(names)} for {annotation}")
    raise InputError(f"{root}: no {published} in it; expected COCO as {LAYOUT}")


def _scan(path: Path, pictures: str) -> Tracks:
    images, annotations = _read(path)
    builder = TrackBuilder(still=True)
    for place, annotation in enumerate(annotations):
        try:
            image = images[annotation["image_id"]]
            name = f"{Path(image['file_name']).stem}_{annotation['id']}"
            size = (int(image.get("width", 0)), int(image.get("height", 0)))
            x, y, w, h = map(float, annotation["bbox"])
        except (KeyError, TypeError, ValueError):
            builder.leave_out("malformed annotation", f"{path}, annotations[{place}]")
            continue
        if annotation.get("iscrowd"):
            builder.leave_out("crowd", name)
        else:
            picture = literal(f"{pictures}/{image['file_name']}")
            builder.add(name, picture, (0,), (x, y, w, h), size)
    return builder.build()


def _read(path: Path) -> tuple[dict[Any, dict], list[dict]]:
    """(images by id, annotations) of a JSON file. Raises InputError where it is not one of COCO."""
    try:
        content = json.loads(path.read_bytes(), object_hook=_without_segmentation)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error})") from None
    try:
        return {image["id"]: image for image in content["images"]}, list(content["annotations"])
    except (KeyError, TypeError):
        raise InputError(f"{path}: expected COCO's JSON with images and annotations") from None


def _without_segmentation(item: dict) -> dict:
    """Outlines, nine tenths of the file, are let go while it is read."""
    item.pop("segmentation", None)
    return item
