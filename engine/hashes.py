"""What a result was made from, in hashes. Without torch: scoring starts without it."""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

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
    """SHA-256 over the names, boxes and polygons of its sequences."""
    digest = hashlib.sha256()
    for sequence in dataset.sequences:
        digest.update(sequence.name.encode() + sequence.boxes.tobytes())
        if sequence.polygons is not None:
            digest.update(sequence.polygons.tobytes())
    return digest.hexdigest()[:16]


def files_hash(paths: Iterable[Path]) -> str:
    """SHA-256 over the names and the bytes of files."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]
