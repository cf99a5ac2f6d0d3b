"""Neither a step of training nor the tracking of a frame makes the host wait for the device."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from conftest import ROOT
from hydra import compose, initialize_config_dir
from torch.utils._python_dispatch import TorchDispatchMode

from engine.build import build_tracker
from engine.optimization import build_optimizer, clip_gradients, set_rates
from ops.crop import Frames
from tools.time_step import random_clip

# Operations after which the host knows something that the device computed, or how much of it there
# is. lift_fresh: a tensor made of a Python list, which is copied to the device and waited for.
WAITS = {
    *("_local_scalar_dense", "is_nonzero", "equal", "allclose", "lift_fresh"),
    *("nonzero", "masked_select", "unique_dim", "_unique2", "unique_consecutive", "bincount"),
}
READS = ("tolist", "numpy", "cpu", "item")

SIAMESE = ("tracker.template_size=95", "tracker.search_size=159")
NARROW = ("backbone=alexnet_siamfc", "backbone.width=0.25")
SMALL = {
    "rar": (*NARROW, "tracker.input_size=96", "head.hidden_channels=32", "head.width=64"),
    "siamfc": SIAMESE,
    "rasnet": SIAMESE,
    "hrom": (*NARROW, *SIAMESE, "head.out_channels=64", "head.hidden=64"),
    "cract": (*NARROW, *SIAMESE, "head.width=64", "head.hidden=128"),
}


class Watch(TorchDispatchMode):
    """Notes what would wait."""

    def __init__(self):
        super().__init__()
        self.seen, self.waits = set(), []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        self.seen.add(name)
        by_tensor = name == "repeat_interleave" and isinstance(args[-1], torch.Tensor)
        if name in WAITS or by_tensor or (name.startswith("index") and _has_mask(args)):
            self.waits.append(name)
        return function(*args, **kwargs or {})


def _has_mask(args):
    indices = args[1] if len(args) > 1 and isinstance(args[1], list | tuple) else ()
    return any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in indices)


def waits_of(function, monkeypatch):
    """What waits in a call, and all operations in it, backward passes included."""
    watch = Watch()
    with monkeypatch.context() as patch:
        for name in READS:
            patch.setattr(torch.Tensor, name, noted(name, watch.waits))
        with watch:
            function()
    return watch.waits, watch.seen


def noted(name, waits):
    read = getattr(torch.Tensor, name)

    def note(self, *arguments):
        waits.append(name)
        return read(self, *arguments)

    return note


def build(name):
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        config = compose("train", [f"tracker={name}", *SMALL[name]])
    tracker = build_tracker(config).train()
    return tracker, random_clip(tracker.geometry(), 2, config.clip.templates, config.clip.searches)


@pytest.mark.parametrize("name", SMALL)
def test_a_step_does_not_wait(name, monkeypatch):
    tracker, clip = build(name)
    optimizer = build_optimizer(tracker, 1e-3, 0.9, 1e-4, 0.1, torch.device("cpu"))

    def step():
        set_rates(optimizer, 1e-3)
        losses, _ = tracker.loss(clip)
        optimizer.zero_grad(set_to_none=True)
        sum(losses.values()).backward()
        clip_gradients(tracker.parameters(), 10.0)
        optimizer.step()

    waits, seen = waits_of(step, monkeypatch)
    assert {"convolution", "convolution_backward", "_fused_sgd_"} <= seen
    assert not waits


def follow(tracker, frames, device):
    """Two updates of one target, the first of which may prepare something."""
    memory = tracker.init(frames, torch.tensor([[60.0, 40.0, 30.0, 24.0]], device=device))
    memory, *_ = tracker.update(frames, memory)
    return lambda: tracker.update(frames, memory)


@pytest.mark.parametrize("name", SMALL)
def test_tracking_a_frame_does_not_wait(name, monkeypatch):
    whole = lambda pixels, *_: (0, 0, pixels.shape[2], pixels.shape[1])  # noqa: E731
    monkeypatch.setattr("ops.crop._reduction", lambda *_: (1, 1))  # as on a GPU
    monkeypatch.setattr("ops.crop._visible_part", whole)
    picture = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    tracker, _ = build(name)
    update = follow(tracker.eval(), Frames.stack([picture]), None)
    waits, seen = waits_of(update, monkeypatch)
    assert {"convolution", "roi_align"} <= seen
    if name == "cract":  # reads which targets learn, and sends their numbers without waiting
        assert waits.count("tolist") == 1 and set(waits) <= {"tolist", "lift_fresh"}
    else:
        assert not waits


VALUES, MASK, INDICES = torch.ones(3), torch.tensor([True, False, True]), torch.arange(2)


@pytest.mark.parametrize(
    "wait",
    [
        lambda: VALUES.sum().item(),
        lambda: float(VALUES.sum()),
        lambda: VALUES.tolist(),
        lambda: VALUES[MASK],
        lambda: VALUES.masked_select(MASK),
        lambda: MASK.nonzero(),
        lambda: VALUES.unique(),
        lambda: VALUES.repeat_interleave(MASK.long()),
        lambda: VALUES.new_tensor([1.0, 2.0]),
        lambda: VALUES.cpu(),
        lambda: bool(MASK.any()) and 1,
    ],
)
def test_what_waits_is_noticed(wait, monkeypatch):
    assert waits_of(wait, monkeypatch)[0]


@pytest.mark.parametrize(
    "work", [lambda: VALUES[INDICES], lambda: VALUES * MASK, lambda: VALUES.repeat_interleave(2)]
)
def test_what_does_not_wait_is_left_alone(work, monkeypatch):
    assert not waits_of(work, monkeypatch)[0]


@pytest.mark.parametrize("name", SMALL)
def test_losses_under_autocast(name):
    """In bfloat16 losses are float32 and finite, and every weight gets a finite gradient."""
    tracker, clip = build(name)
    with torch.autocast("cpu", torch.bfloat16):
        losses, _ = tracker.loss(clip)
    sum(losses.values()).backward()
    assert all(torch.isfinite(loss) and loss.dtype == torch.float32 for loss in losses.values())
    gradients = [p.grad for p in tracker.parameters() if p.requires_grad]
    assert all(gradient is not None for gradient in gradients)
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert sum(bool(gradient.any()) for gradient in gradients) > 0.9 * len(gradients)


@pytest.fixture
def device():
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    return torch.device("cuda")


@contextmanager
def raising(mode="error"):
    """As CUDA itself sees it: torch raises at every wait that it causes."""
    torch.cuda.set_sync_debug_mode(mode)
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
@pytest.mark.parametrize(
    "name", sorted(SMALL.keys() - {"cract"})
)  # which reads whose targets learn
def test_tracking_a_frame_does_not_wait_for_a_gpu(name, device):
    picture = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    tracker = build(name)[0].to(device, memory_format=torch.channels_last).eval()
    update = follow(tracker, Frames.stack([picture], device), device)
    with raising():
        update()


@pytest.mark.gpu
@pytest.mark.parametrize("name", SMALL)
def test_a_step_does_not_wait_for_a_gpu(name, device):
    tracker, clip = build(name)
    tracker = tracker.to(device, memory_format=torch.channels_last)
    clip = type(clip)(**{key: value.to(device) for key, value in vars(clip).items()})
    optimizer = build_optimizer(tracker, 1e-3, 0.9, 1e-4, 0.1, device)
    for mode in ("default", "error"):
        with raising(mode):
            with torch.autocast("cuda", torch.bfloat16):
                losses, _ = tracker.loss(clip)
            optimizer.zero_grad(set_to_none=True)
            sum(losses.values()).backward()
            clip_gradients(tracker.parameters(), 10.0)
            optimizer.step()
