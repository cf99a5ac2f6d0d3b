"""What a result was made from, in hashes. Without torch: scoring starts without it."""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np

from datasets.sequence import Dataset

ROOT = Path(__file__).resolve().parents[1]
TRACKING_CODE = (
    *("backbones", "heads", "trackers", "ops", "datasets"),
    *("engine/evaluation.py", "benchmarks/protocols.py", "benchmarks/starts.py"),
    *("benchmarks/otb_occluded.yaml", "benchmarks/vot/overlap.py", "benchmarks/vot/raster.py"),
)


@cache
def source_hash() -> str:
    """SHA-256 over the source files that boxes depend on."""
    digest = hashlib.sha256()
    for part in TRACKING_CODE:
        path = ROOT / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.relative_to(ROOT).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def dataset_hash(dataset: Dataset) -> str:
    """SHA-256 over the names and the truth of its sequences, all that scoring reads."""
    digest = hashlib.sha256()
    for sequence in dataset.sequences:
        digest.update(f"{sequence.name} {sequence.picture_size}".encode())
        known = (sequence.boxes, sequence.absent, sequence.cover, sequence.polygons)
        for array in (*known, *(sequence.tags[tag] for tag in sorted(sequence.tags))):
            digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def footage_digest(dataset: Dataset) -> str:
    """SHA-256 over what training reads of a dataset: names and boxes of the sequences of its parts.

    Footage that is made counts with the number of its sequences and the boxes of the first, which
    tell another seed and another generator.
    """
    digest = hashlib.sha256()
    for part in dataset.parts:
        digest.update(f"{part.name} {len(part.sequences)} ".encode())
        if hasattr(part.sequences, "digest"):  # an index knows its own
            digest.update(part.sequences.digest().encode())
        else:
            made = part.sequences[0].generated
            for sequence in part.sequences[:1] if made else part.sequences:
                digest.update(sequence.name.encode())
                digest.update(np.ascontiguousarray(sequence.boxes).tobytes())
    return digest.hexdigest()[:16]


def files_hash(paths: Iterable[Path]) -> str:
    """SHA-256 over the names and the bytes of files."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]
