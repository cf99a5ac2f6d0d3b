"""What the two parts of ILSVRC that training reads share: VID, videos, and DET, stills."""

import os
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from datasets.benchmark import existing_root
from ops.errors import InputError

HOLDERS = ("", "ILSVRC", "ILSVRC2015")  # the archive's own folder, in the one that is given or not


class Object(NamedTuple):
    """One <object> of an annotation; box is x, y, w, h, or None where there is none that is one."""

    track: str | None
    box: tuple[float, float, float, float] | None


def find_ilsvrc(root: str | Path | None, kind: str, split: str, layout: str) -> Path:
    """The folder that holds Annotations/KIND/SPLIT and Data/KIND/SPLIT.

    Raises InputError, saying what is expected, for another split or where that is missing.
    """
    name = f"ILSVRC {kind}"
    if split not in ("train", "val"):
        raise InputError(f"split={split}: expected train or val of {name}")
    root = existing_root(root, name, layout)
    for folder in (root / holder for holder in HOLDERS):
        if all((folder / part / kind / split).is_dir() for part in ("Annotations", "Data")):
            return folder
    raise InputError(
        f"{root}: no Annotations/{kind}/{split} with Data/{kind}/{split} in it; "
        f"expected {name} as {layout}"
    )


def annotated_folders(base: Path, *patterns: str) -> list[Path]:
    """The folders below `base` that match the patterns of the archive's names, sorted.

    Other names are not followed: the links a, b, ... that pysot's and SiamFC's preparation of the
    crops leaves show what is there already.
    """
    return sorted({path for pattern in patterns for path in base.glob(pattern) if path.is_dir()})


def annotations(folder: Path) -> list[Path]:
    """The annotation files of a folder, sorted."""
    return sorted(folder / name for name in os.listdir(folder) if name.endswith(".xml"))


def read_annotation(path: Path) -> tuple[tuple[int, int], list[Object]]:
    """((width, height), objects) of an XML file of PASCAL VOC's form; the size is 0 if not told.

    x, y are xmin, ymin and w, h are xmax - xmin, ymax - ymin: corners, counted from 0, as pysot
    (training_dataset/vid) and pytracking (ltr/dataset/imagenetvid.py) read them. The got10k toolkit
    and the devkit's own overlap take xmax for a pixel that is still covered, one more a side.

    Raises OSError or ValueError where the file cannot be read or is not one of these.
    """
    try:
        tree = ElementTree.fromstring(path.read_bytes())
    except ElementTree.ParseError as error:
        raise ValueError(str(error)) from None
    if tree.tag != "annotation":
        raise ValueError(f"a document <{tree.tag}>")
    size = tree.find("size")
    width, height = (0, 0) if size is None else (_whole(size, "width"), _whole(size, "height"))
    objects = tree.findall("object")
    return (width, height), [Object(o.findtext("trackid") or None, _box(o)) for o in objects]


def _whole(element: ElementTree.Element, name: str) -> int:
    try:
        return int(element.findtext(name, "0"))
    except ValueError:
        return 0


def _box(element: ElementTree.Element) -> tuple[float, float, float, float] | None:
    box = element.find("bndbox")
    if box is None:
        return None
    try:
        values = {side.tag: float(side.text) for side in box}
        x, y = values["xmin"], values["ymin"]
        return x, y, values["xmax"] - x, values["ymax"] - y
    except (KeyError, TypeError, ValueError):
        return None
