"""Clips a second of the training step alone, and what each way of computing it gives:

    python tools/time_step.py tracker=rar backbone=resnet18 trainer.batch_size=2

Keys are train.py's. Clips are random and lie in memory, so that nothing waits for data; they are
`trainer.batch_size` at a time. Ratios are of clips a second against the first line.
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from engine.build import build_tracker  # noqa: E402
from engine.optimization import build_optimizer, clip_gradients, compile_network  # noqa: E402
from ops.boxes import from_centers  # noqa: E402
from ops.clip import Clip, ClipGeometry  # noqa: E402

WAYS = {
    "plain": (),
    "channels_last": ("channels_last",),
    "fused": ("fused",),
    "bf16": ("bf16",),
    "compile": ("compile",),
    "channels_last, fused": ("channels_last", "fused"),
    "channels_last, fused, bf16": ("channels_last", "fused", "bf16"),
    "all": ("channels_last", "fused", "bf16", "compile"),
}


def random_clip(
    geometry: ClipGeometry, batch: int, templates: int, searches: int, seed: int = 0
) -> Clip:
    """B clips of noise. Targets are square and in the middle of the templates, elsewhere in the
    searches."""
    generator = torch.Generator().manual_seed(seed)

    def crops(count: int, size: int, factor: float, reach: float):
        pixels = torch.rand(batch, count, 3, size, size, generator=generator) * 255
        side = size / factor / (2 if geometry.square else 1)  # the square of context is twice it
        shifts = (torch.rand(batch, count, 2, generator=generator) - 0.5) * 2 * reach * size
        return pixels, from_centers(size / 2 + shifts, torch.full_like(shifts, side))

    return Clip(
        *crops(templates, geometry.template_size, geometry.template_factor, 0.0),
        *crops(searches, geometry.search_size, geometry.search_factor, 0.1),
        torch.ones(batch, searches),
        torch.ones(batch, searches, dtype=torch.bool),
        torch.arange(batch) + seed * batch,
    )


def seconds_per_step(
    config: DictConfig, clip: Clip, device: torch.device, way: tuple[str, ...], steps: int
) -> float:
    """The median of `steps` steps, after two that are not counted."""
    layout = torch.channels_last if "channels_last" in way else torch.contiguous_format
    tracker = build_tracker(config).to(device, memory_format=layout).train()
    settings = config.optimizer
    optimizer = build_optimizer(
        tracker, 1e-6, settings.momentum, settings.weight_decay, settings.backbone_factor, device
    )
    for group in optimizer.param_groups:
        group["fused"] = "fused" in way
    if "compile" in way:
        compile_network(tracker)
    times = []
    for _ in range(2 + steps):
        _wait(device)
        start = time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16, enabled="bf16" in way):
            losses, _ = tracker.loss(clip)
        optimizer.zero_grad(set_to_none=True)
        sum(losses.values()).backward()
        clip_gradients(tracker.parameters(), config.trainer.clip_norm)
        optimizer.step()
        _wait(device)
        times.append(time.perf_counter() - start)
    return sorted(times[2:])[steps // 2]


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("overrides", nargs="*", help="train.py's keys, tracker=rar for example")
    parser.add_argument("--steps", type=int, default=10, help="steps of which the median is taken")
    parser.add_argument("--threads", type=int, help="of the CPU")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    given = parser.parse_args()
    warnings.filterwarnings("ignore", ".*has no pretrained weights")
    if given.threads:
        torch.set_num_threads(given.threads)
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        config = compose("train", given.overrides)
    device, batch = torch.device(given.device), config.trainer.batch_size
    geometry = build_tracker(config).geometry()
    clip = random_clip(geometry, batch, config.clip.templates, config.clip.searches)
    clip = Clip(**{name: value.to(device) for name, value in vars(clip).items()})
    first = None
    for name in given.ways:
        seconds = seconds_per_step(config, clip, device, WAYS[name], given.steps)
        first = first or seconds
        print(f"{name:28s} {batch / seconds:8.2f} clips/s {first / seconds:6.2f}", flush=True)


if __name__ == "__main__":
    main()
