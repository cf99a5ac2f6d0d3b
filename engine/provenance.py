"""What made a result, in hashes: weights, code, dataset, hardware."""

import hashlib
import platform
from functools import cache
from pathlib import Path

import torch
from torch import nn

from datasets.sequence import Dataset

ROOT = Path(__file__).resolve().parents[1]
TRACKING_CODE = (
    *("backbones", "heads", "trackers", "ops", "datasets"),
    *("engine/evaluation.py", "benchmarks/protocols.py"),
)


def weights_hash(module: nn.Module) -> str:
    """SHA-256 over names and values of all parameters and buffers."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


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
    """SHA-256 over the names and boxes of its sequences."""
    digest = hashlib.sha256()
    for sequence in dataset.sequences:
        digest.update(sequence.name.encode() + sequence.boxes.tobytes())
    return digest.hexdigest()[:16]


def hardware(device: torch.device) -> str:
    """The machine in words, as a report names it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"
