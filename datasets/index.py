"""The index of a large dataset: its annotation is scanned once, from then on a file is read.

A reader lists what its annotation consists of, gives read_index a function that scans it with a
TrackBuilder into Tracks, and makes IndexedSequences of them (all three in datasets/tracks.py).
"""

import hashlib
import json
import logging
import os
import re
import time
import zipfile
import zlib
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from datasets.tracks import LeftOut, Tracks
from ops.errors import InputError
from ops.files import replacing

FORMAT = 1  # of index files: another number is another file
THREADS = 8  # to wait for disks and servers; more of them fight for the interpreter
ARRAYS = {"names": "S", "pictures": "S", "starts": "i8", "numbers": "i4", "boxes": "f4"}
ARRAYS["sizes"] = "i4"
UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)

log = logging.getLogger("lodestar")


def read_index(
    folder: str | Path | None,
    name: str,
    root: Path,
    stamped: Collection[Path],
    options: Hashable,
    scan: Callable[[], Tracks],
) -> Tracks:
    """The tracks of a dataset: from their index, if it still fits the annotation, or scanned.

    It fits if every annotation file has the size and the time stamp that it had. A line of the log
    tells targets, boxes and what was left out and why, whether they were scanned or read.

    Args:
        folder: where index files are kept, FOLDER/NAME-HASH.npz; None keeps none.
        name: of the dataset and its split, as the log calls it: "ILSVRC VID train".
        root: the dataset's folder.
        stamped: below root, what the annotation consists of: files, and folders for all the files
            that lie directly in them (so not those that hold pictures).
        options: whatever else changes the result (split, parts), with a plain repr.
        scan: reads the annotation; `in_threads` shows its progress.

    Raises:
        InputError: no target can be used, a folder cannot be read; and what `scan` raises.
    """
    root = Path(root)
    path = None if folder is None else _index_path(Path(folder), name, root, options)
    stamps = {} if path is None else take_stamps(name, root, stamped)
    tracks = None if path is None else _read_fitting(path, stamps)
    if tracks is None:
        begin = time.perf_counter()
        log.info("%s: scanning the annotation in %s", name, root)
        tracks = scan()
        origin = f"scanned in {time.perf_counter() - begin:.1f} s"
    else:
        origin, path = f"index {path}", None
    _report(name, root, tracks, origin)
    if path is not None:
        _write(path, tracks, stamps)
    return tracks


def in_threads(
    function: Callable[[Any], Any], items: Collection[Any], name: str, unit: str
) -> Iterator[Any]:
    """Yield function(item) for each item, in their order, read by several threads at once.

    A bar on stderr shows how far it is, where it takes a second or more: `name`, and how many of
    what `unit` names.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            bar = {"desc": name, "unit": f" {unit}", "total": len(items), "dynamic_ncols": True}
            yield from tqdm(pool.map(function, items), delay=1, **bar)
        finally:
            pool.shutdown(cancel_futures=True)


def take_stamps(name: str, root: Path, stamped: Iterable[Path]) -> dict[str, str]:
    """Folder, as a path below root -> a digest of names, sizes and time stamps of its files.

    Of a folder in `stamped` all files that lie directly in it; of files in it, those files.
    """
    groups: dict[str, list[str] | None] = {}  # folder -> names of the files, None for all
    for path in map(os.fspath, stamped):
        if os.path.isdir(path):
            groups[path] = None
        else:
            parent, file = os.path.split(path)
            names = groups.setdefault(parent, [])
            if names is not None:
                names.append(file)
    digests = in_threads(_folder_digest, groups.items(), f"{name}, time stamps", "folders")
    places = (os.path.relpath(group, root).replace(os.sep, "/") for group in groups)
    return dict(zip(places, digests, strict=True))


def _folder_digest(group: tuple[str, list[str] | None]) -> str:
    folder, names = group
    try:
        if names is None:
            with os.scandir(folder) as entries:
                found = [(entry.name, entry.stat()) for entry in entries if entry.is_file()]
        else:
            paths = ((name, os.path.join(folder, name)) for name in names)
            found = [(name, os.stat(path)) for name, path in paths if os.path.isfile(path)]
    except OSError as error:
        raise InputError(f"{error.filename or folder}: cannot be read ({error.strerror})") from None
    lines = sorted(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}" for name, stat in found)
    text = "\n".join(lines).encode("utf-8", "surrogateescape")
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _index_path(folder: Path, name: str, root: Path, options: Hashable) -> Path:
    made_of = repr((FORMAT, name, str(root.resolve()), options))
    digest = hashlib.blake2b(made_of.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
    return folder / f"{re.sub('[^a-z0-9]+', '-', name.lower())}-{digest}.npz"


def _report(name: str, root: Path, tracks: Tracks, origin: str) -> None:
    """Log what a dataset holds. Raises InputError where it holds nothing."""
    left_out = "; ".join(map(str, tracks.left_out)) or "nothing"
    if not len(tracks):
        raise InputError(f"{root}: no target of {name} can be used; left out: {left_out}")
    counts = f"{len(tracks):,} targets, {len(tracks.boxes):,} boxes"
    log.info("%s: %s (%s); left out: %s", name, counts, origin, left_out)


def _read_fitting(path: Path, stamps: dict[str, str]) -> Tracks | None:
    """The tracks of an index file, or None, with the reason in the log, where it cannot serve."""
    if not path.is_file():
        return None
    try:
        tracks, stored = _read(path)
    except UNREADABLE as error:
        log.warning("index %s: cannot be read (%s), scanning anew", path, error)
        return None
    if stored == stamps:
        return tracks
    changed = sorted(place for place, _ in stored.items() ^ stamps.items())
    count = len(set(changed))
    log.warning("index %s: %s changed (%d in all), scanning anew", path, changed[0], count)
    return None


def _read(path: Path) -> tuple[Tracks, dict[str, str]]:
    """(tracks, stamps) of an index file. Raises one of UNREADABLE where it is not one."""
    with np.load(path, allow_pickle=False) as file:
        facts = json.loads(file["facts"].tobytes())
        arrays = {key: file[key] for key in ARRAYS}
    for key, kind in ARRAYS.items():
        if not arrays[key].dtype.str[1:].startswith(kind):
            raise ValueError(f"{key} are of type {arrays[key].dtype}")
    targets, starts = len(arrays["names"]), arrays["starts"]
    shapes = {"pictures": (targets,), "starts": (targets + 1,), "sizes": (targets, 2)}
    shapes |= {"numbers": (starts[-1],), "boxes": (starts[-1], 4)}
    for key, shape in shapes.items():
        if arrays[key].shape != shape:
            raise ValueError(f"{key} are of shape {arrays[key].shape}")
    left_out = tuple(LeftOut(**reason) for reason in facts["left_out"])
    tracks = Tracks(**arrays, ticks=facts["ticks"], still=facts["still"], left_out=left_out)
    return tracks, facts["stamps"]


def _write(path: Path, tracks: Tracks, stamps: dict[str, str]) -> None:
    """Put an index in its place; a warning where that fails, as it only saves time.

    Boxes are stored as they are, which reads fastest; the rest is packed to a tenth.
    """
    left_out = [asdict(reason) for reason in tracks.left_out]
    facts = {"ticks": tracks.ticks, "still": tracks.still, "left_out": left_out, "stamps": stamps}
    arrays = {"facts": np.frombuffer(json.dumps(facts).encode(), np.uint8)}
    arrays |= {key: getattr(tracks, key) for key in ARRAYS}
    try:
        with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for key, array in arrays.items():
                member = zipfile.ZipInfo(f"{key}.npy")
                member.compress_type = zipfile.ZIP_STORED if key == "boxes" else 8
                with archive.open(member, "w", force_zip64=True) as target:
                    np.lib.format.write_array(target, array, allow_pickle=False)
    except OSError as error:
        log.warning("index %s: cannot be written (%s), the next start scans again", path, error)
