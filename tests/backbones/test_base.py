"""What holds for every backbone with its YAML defaults."""

import copy
import math
import pickle
import warnings
from pathlib import Path
from urllib.error import URLError

import hydra
import pytest
import torch
from omegaconf import OmegaConf
from receptive_fields import fields
from torch import nn
from torchvision import models

import backbones
from ops.errors import InputError

CONFIGS = (Path(__file__).resolve().parents[2] / "configs" / "backbone").glob("*.yaml")
CONFIGS = {path.stem: OmegaConf.load(path) for path in sorted(CONFIGS)}
# Most tests take one of those that differ in width or depth alone.
TARGETS = sorted(set(CONFIGS) - {"pixels", "resnet34", "hrnet_w32", "hrnet_w48"})
# Of which there are no ImageNet weights, and which have no option `stride`.
UNPUBLISHED = {"vgg_m", "alexnet_siamfc"}
STRIDE_FIXED = {"hrnet_w18", "alexnet_siamfc"}


@pytest.fixture(params=TARGETS)
def name(request):
    return request.param


@pytest.fixture(params=[*CONFIGS, "hrnet_w18 modified=false"])
def any_backbone(request):
    """Every config's backbone, and HRNet in its published form."""
    name, _, form = request.param.partition(" ")
    return build(name, **({"modified": False} if form else {}))


def levels(backbone):
    return [level for stage in backbone.plan.values() for level in stage.levels]


def build(name, **options):
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return hydra.utils.instantiate(CONFIGS[name], **options)


def pictures(batch, height, width=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 255 * torch.rand(batch, 3, height, width or height, generator=generator)


def test_declared_channels_and_strides_are_the_measured_ones(any_backbone):
    with torch.no_grad():
        maps = any_backbone(pictures(1, 127))
    assert len(maps) == len(any_backbone.stages) == len(any_backbone.strides) > 0
    assert [m.shape[1] for m in maps] == list(any_backbone.channels)
    # The coarsest branch moves only every so many cells of a finer one.
    apart = max(any_backbone.strides)
    width = 840 if isinstance(any_backbone, backbones.HRNet) else 400
    height = 96 if isinstance(any_backbone, backbones.SiamFCAlexNet) else 48
    for (here, there), cut in fields(any_backbone, apart, width, height):
        assert cut < 1e-4
        assert there - here == pytest.approx(apart, abs=0.05)


@pytest.mark.parametrize("height, width", [(127, 127), (126, 120), (96, 131)])
def test_maps_are_finite_at_any_size_and_in_any_layout(name, height, width):
    backbone = build(name).train()  # MobileNetV2's first weights are tiny without statistics
    images = pictures(2, height, width)
    with torch.no_grad():
        maps = backbone(images)
        last = backbone.to(memory_format=torch.channels_last)(
            images.to(memory_format=torch.channels_last)
        )
    sides = [torch.tensor(m.shape[-2:]) for m in maps]
    for plain, other, side, stride in zip(maps, last, sides, backbone.strides, strict=True):
        assert plain.isfinite().all() and plain.std() > 1e-3
        torch.testing.assert_close(plain, other, rtol=0, atol=1e-2)
        if name != "alexnet_siamfc":  # without padding, sizes are tests/.../test_siamfc_alexnet's
            assert (side - torch.tensor([height, width]) / stride).abs().max() <= 2
        same = [s for s, t in zip(sides, backbone.strides, strict=True) if t == stride]
        assert all(torch.equal(s, side) for s in same)  # one grid per stride


def test_normalisation_is_imagenets(name):
    backbone = build(name)
    seen = []
    first = next(m for m in backbone.modules() if isinstance(m, nn.Conv2d))
    first.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    colour = torch.tensor([10.0, 100.0, 250.0]).reshape(1, 3, 1, 1)
    backbone.eval()(colour.expand(1, 3, 96, 96))
    expected = [
        (10 / 255 - 0.485) / 0.229,
        (100 / 255 - 0.456) / 0.224,
        (250 / 255 - 0.406) / 0.225,
    ]
    torch.testing.assert_close(seen[0][0, :, 3, 5], torch.tensor(expected))


def test_every_trainable_parameter_gets_a_gradient(any_backbone):
    backbone = any_backbone.train()
    if isinstance(backbone, backbones.Pixels):
        assert not list(backbone.parameters())
        return
    maps = backbone(pictures(2, 96))
    generator = torch.Generator().manual_seed(1)
    sum((m * torch.randn(m.shape, generator=generator)).sum() for m in maps).backward()
    for key, parameter in backbone.named_parameters():
        assert parameter.requires_grad, key
        assert parameter.grad is not None and parameter.grad.isfinite().all(), key
        assert parameter.grad.abs().max() > 0, key


def test_autocast_is_close_to_float32(name):
    backbone = build(name).eval()
    images = pictures(1, 96)
    with torch.no_grad():
        exact = backbone(images)
        with torch.autocast("cpu", torch.bfloat16):
            rough = backbone(images)
    assert rough[-1].dtype == torch.bfloat16
    for a, b in zip(exact, rough, strict=True):
        cosine = nn.functional.cosine_similarity(a.flatten(), b.float().flatten(), 0)
        assert cosine > 0.99


def test_copies_and_pickles_are_whole(name):
    backbone = build(name).eval()
    images = pictures(1, 96)
    with torch.no_grad():
        expected = backbone(images)
        for other in (copy.deepcopy(backbone), pickle.loads(pickle.dumps(backbone))):
            for parameter in backbone.parameters():
                assert all(parameter is not p for p in other.parameters())
            assert all(torch.equal(a, b) for a, b in zip(expected, other(images), strict=True))


def test_only_what_the_outputs_need_is_built(name):
    full = build(name)
    full = build(name, outputs=levels(full))
    first = build(name, outputs=levels(full)[:1])
    assert first.stages == full.stages[:1] and first.channels == full.channels[:1]
    assert set(first.state_dict()) < set(full.state_dict())
    first.eval()
    full.eval()
    state = full.state_dict()
    first.load_state_dict({k: state[k] for k in first.state_dict()})
    with torch.no_grad():
        maps = first(pictures(1, 96))
        assert len(maps) == 1
        torch.testing.assert_close(maps[0], full(pictures(1, 96))[0])


def test_outputs_come_finest_first(name):
    names = levels(build(name))
    assert len(names) > 1
    assert build(name, outputs=names[::-1]).stages == tuple(names)


def randomised(backbone):
    """BatchNorm statistics included, so that a round trip that drops them is seen."""
    generator = torch.Generator().manual_seed(3)
    for value in backbone.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=generator) * math.sqrt(1 / value.numel()))
    return backbone


@pytest.fixture
def saved(name, tmp_path):
    backbone = randomised(build(name)).eval()
    path = tmp_path / "weights.pt"
    torch.save(backbone.state_dict(), path)
    return backbone, path


def test_loading_gives_back_what_was_saved(name, saved):
    backbone, path = saved
    expected = backbone.state_dict()
    other = build(name, weights=str(path), frozen=[]).state_dict()
    assert set(other) == set(expected)
    assert all(torch.equal(v, expected[k]) for k, v in other.items())
    shallow = build(name, weights=str(path), frozen=[], outputs=levels(backbone)[:1]).state_dict()
    assert all(torch.equal(v, expected[k]) for k, v in shallow.items())


def refusal(name, **options):
    with pytest.raises(Exception) as caught:
        build(name, **options)
    error = caught.value if isinstance(caught.value, InputError) else caught.value.__cause__
    assert isinstance(error, InputError) and "\n" not in str(error)
    return str(error)


@pytest.mark.parametrize("name", ["alexnet", "hrnet_w18", "mobilenet_v2", "resnet18"])
def test_files_that_do_not_fit_are_refused_in_one_line(name, saved, tmp_path):
    backbone, path = saved
    state = backbone.state_dict()
    key = next(k for k in reversed(list(state)) if k.endswith("weight") and ".offset." not in k)

    def told(state):
        torch.save(state, path)
        return refusal(name, weights=str(path))

    assert f"1 missing: {key}" in told({k: v for k, v in state.items() if k != key})
    assert "1 unexpected: head.weight" in told({**state, "head.weight": torch.zeros(3)})
    report = told({**state, key: torch.zeros(7, 7)})
    assert f"1 of another shape: {key} (7, 7) for {tuple(state[key].shape)}" in report
    foreign = told(nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 5)).state_dict())
    assert "4 unexpected: 0.weight, 0.bias, 1.weight, ..." in foreign and "missing" in foreign
    assert "expected a state dict" in told({"epoch": 3})
    assert "expected a state dict" in told([1, 2])
    path.write_bytes(b"this is no checkpoint")
    assert "expected a state dict" in refusal(name, weights=str(path))
    assert "no file" in refusal(name, weights=str(tmp_path / "nowhere.pt"))


def test_imagenet_without_a_network_is_one_line(name, monkeypatch, tmp_path):
    def offline(*args, **kwargs):
        raise URLError("no route")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "urlopen", offline)
    expected = "publishes no ImageNet weights" if name in UNPUBLISHED else "cannot fetch"
    assert expected in refusal(name, weights="imagenet")


def test_imagenet_goes_through_torchvision(monkeypatch, tmp_path):
    url = models.ResNet18_Weights.IMAGENET1K_V1.url
    cached = tmp_path / "hub" / "checkpoints" / url.rsplit("/", 1)[1]
    cached.parent.mkdir(parents=True)
    published = models.resnet18()
    state = {k: v for k, v in published.state_dict().items() if "num_batches" not in k}
    torch.save(state, cached)  # the oldest published files lack these counters
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    backbone = backbones.ResNet(18, weights="imagenet", frozen=["conv1"])
    assert torch.equal(backbone.layer4[1].conv2.weight, published.layer4[1].conv2.weight)
    assert not backbone.conv1.weight.requires_grad and backbone.layer1[0].conv1.weight.requires_grad


def norms(backbone):
    return [m for m in backbone.modules() if isinstance(m, nn.BatchNorm2d)]


def test_frozen_stages_keep_weights_and_statistics(name, saved):
    backbone, path = saved
    stage = next(iter(backbone.plan))
    frozen = build(name, weights=str(path), frozen=[stage])
    before = copy.deepcopy(frozen.state_dict())
    optimiser = torch.optim.SGD([p for p in frozen.parameters() if p.requires_grad], 1e-6)
    frozen.train()
    sum(m.pow(2).mean() for m in frozen(pictures(2, 96))).backward()
    optimiser.step()
    prefixes = tuple(f"{module}." for module in frozen.plan[stage].modules)
    kept = [k for k in before if k.startswith(prefixes)]
    after = frozen.state_dict()
    assert kept and all(torch.equal(before[k], after[k]) for k in kept)
    moved = [k for k in before if not torch.equal(before[k], after[k])]
    assert any("running_mean" in k for k in moved) == bool(norms(frozen))
    assert {k for k, p in frozen.named_parameters() if not p.requires_grad} == {
        k for k, _ in frozen.named_parameters() if k.startswith(prefixes)
    }

    frozen.freeze("all")
    assert not any(p.requires_grad for p in frozen.parameters())
    assert not any(m.training for m in norms(frozen.train()))
    frozen.freeze()
    assert all(p.requires_grad for p in frozen.parameters())
    assert all(m.training for m in norms(frozen))


def test_without_weights_frozen_stages_train_with_one_warning(name):
    options = OmegaConf.to_container(CONFIGS[name])
    constructor = getattr(backbones, options.pop("_target_").split(".")[1])
    with pytest.warns(UserWarning, match="will train") as record:
        backbone = constructor(**{**options, "frozen": "all"})
    assert len(record) == 1 and backbone.frozen == ()
    assert all(p.requires_grad for p in backbone.parameters())
    assert all(m.training for m in norms(backbone.train()))


def test_unknown_options_name_the_valid_ones(name):
    backbone = build(name)
    for key, valid in (("outputs", backbone.stages), ("frozen", backbone.plan)):
        message = refusal(name, **{key: ["stage9"]})
        assert f"backbone.{key}: stage9" in message and all(v in message for v in valid)
    assert "backbone.outputs: empty" in refusal(name, outputs=[])
    if name not in STRIDE_FIXED:
        assert "backbone.stride: 7: expected one of" in refusal(name, stride=7)
