"""HRNet as published, and what HROM's form changes."""

from pathlib import Path

import hydra
import pytest
import torch
import torch.nn.functional as F
from omegaconf import OmegaConf
from receptive_fields import fields

from backbones import HRNet
from backbones.hrnet import HRNetWeights, ParallelModule
from ops.errors import InputError

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "backbone"
WIDTHS = [18, 32, 48]
PARAMETERS = {18: 21_299_004, 32: 41_232_680, 48: 77_469_864}  # published, with the head
HEAD = ("incre_modules.", "downsamp_modules.", "final_layer.", "classifier.")


def pictures(height, width=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 255 * torch.rand(1, 3, height, width or height, generator=generator)


def randomised(network):
    """BatchNorm included, so that no statistic or scale is taken for another."""
    generator = torch.Generator().manual_seed(1)
    for key, value in network.state_dict().items():
        if value.ndim == 1:
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
        elif value.ndim == 4:
            value.copy_(torch.randn(value.shape, generator=generator) / value[0].numel() ** 0.5)
        assert value.ndim in (0, 1, 2, 4), key
    return network.eval()


@pytest.fixture(scope="module")
def plain():
    return randomised(HRNet(18, modified=False))


@pytest.fixture
def published(plain, tmp_path):
    """A file as published: the plain form and a classification head."""
    state = {**plain.state_dict(), **{f"{prefix}0.weight": torch.zeros(3) for prefix in HEAD}}
    torch.save(state, tmp_path / "hrnet.pt")
    return state, tmp_path / "hrnet.pt"


def head_parameters(width):
    """Of the classification head, by the sizes of its layers (weights, then BatchNorm or bias)."""
    total = 0
    sizes = (32, 64, 128, 256)
    for i, inner in enumerate(sizes):  # a bottleneck a branch: C, 2C, .. to 128, 256, ..
        before, after = width * 2**i, 4 * inner
        total += before * inner + 9 * inner * inner + inner * after + before * after
        total += 2 * (inner + inner + after + after)
    for inner in sizes[:-1]:  # 3x3 of stride 2, with a bias
        total += 9 * (4 * inner) * (8 * inner) + 8 * inner + 2 * 8 * inner
    total += 1024 * 2048 + 2048 + 2 * 2048
    return total + 2048 * 1000 + 1000


@pytest.mark.parametrize("width", WIDTHS)
def test_parameters_are_the_published_ones(width):
    backbone = HRNet(width, modified=False)
    own = sum(parameter.numel() for parameter in backbone.parameters())
    assert own + head_parameters(width) == PARAMETERS[width]


@pytest.mark.parametrize("width", WIDTHS)
def test_keys_are_timms(width):
    timm = pytest.importorskip("timm", reason="timm is not installed")
    expected = timm.create_model(f"hrnet_w{width}").state_dict()
    own = HRNet(width, modified=False).state_dict()
    assert {k: v.shape for k, v in own.items()} == {
        k: v.shape for k, v in expected.items() if not k.startswith(HEAD)
    }
    modified = HRNet(width).state_dict()
    assert {k: v.shape for k, v in modified.items()} == {
        k: v.shape for k, v in own.items() if not k.startswith(("transition3.", "stage4."))
    }


def test_the_plain_form_is_timms(plain, tmp_path):
    timm = pytest.importorskip("timm", reason="timm is not installed")
    torch.save(randomised(timm.create_model("hrnet_w18")).state_dict(), tmp_path / "timm.pt")
    state = torch.load(tmp_path / "timm.pt", weights_only=True)
    theirs = timm.create_model(
        "hrnet_w18", features_only=True, feature_location="", out_indices=(1, 2, 3, 4)
    ).eval()
    assert not theirs.load_state_dict(state, strict=False).missing_keys
    own = HRNet(18, modified=False, weights=tmp_path / "timm.pt").eval()
    assert set(own.state_dict()) == own.loaded
    images = pictures(96, 160)
    with torch.no_grad():
        expected = theirs((images - own.mean) / own.std)
        for a, b in zip(own(images), expected, strict=True):
            assert b.std() > 0.1
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4 * b.abs().max().item())


@pytest.mark.parametrize(
    "modified, strides, at_127, at_255",
    [
        (True, (4, 8, 8), [32, 16, 16], [64, 32, 32]),
        (False, (4, 8, 16, 32), [32, 16, 8, 4], [64, 32, 16, 8]),
    ],
)
@pytest.mark.parametrize("width", WIDTHS)
def test_configs_levels_and_sizes(width, modified, strides, at_127, at_255):
    config = OmegaConf.load(CONFIGS / f"hrnet_w{width}.yaml")
    backbone = hydra.utils.instantiate(config, modified=modified).eval()
    assert config.modified is True
    assert backbone.stages == ("R1", "R2", "R3", "R4")[: len(strides)]
    assert backbone.strides == strides
    assert backbone.channels == tuple(width * 2**i for i in range(len(strides)))
    for size, expected in ((127, at_127), (255, at_255))[: 2 if width == 18 else 1]:
        with torch.no_grad():
            maps = backbone(pictures(size))
        assert [tuple(m.shape[-2:]) for m in maps] == [(side, side) for side in expected]


def test_the_plain_form_takes_any_size(plain):
    """Where sizes do not double, the upsampled map loses its last row or column."""
    with torch.no_grad():
        maps = plain(pictures(131, 70))
        first = plain(pictures(160, 96))[0]
    assert [tuple(m.shape[-2:]) for m in maps] == [(33, 18), (17, 9), (9, 5), (5, 3)]
    assert maps[0].isfinite().all() and not torch.equal(maps[0], first[..., :33, :18])


def test_a_plain_file_fits_the_modified_form_but_for_the_named_parts(published):
    state, path = published
    backbone = HRNet(18, weights=path)
    own = backbone.state_dict()
    assert backbone.loaded == set(own)
    assert all(torch.equal(value, state[key]) for key, value in own.items())
    beyond = (*HEAD, "transition3.", "stage4.")
    assert set(state) - set(own) == {key for key in state if key.startswith(beyond)}

    last = "stage3.3.fuse_layers."
    some = HRNet(18, outputs=["R2"], weights=path)
    left_out = set(own) - set(some.state_dict())
    assert left_out == {k for k in own if k.startswith((f"{last}0.", f"{last}2."))} != set()
    assert some.channels == (36,) and some.strides == (8,)

    for key in ("stage5.0.weight", "stage3.4.branches.0.0.conv1.weight", f"{last}3.0.0.weight"):
        torch.save({**state, key: torch.zeros(3)}, path)
        with pytest.raises(InputError, match=rf"does not fit the network: 1 unexpected: {key}"):
            HRNet(18, weights=path)
    for key in ("transition2.2.0.0.weight", f"{last}0.2.0.weight"):
        torch.save({k: v for k, v in state.items() if k != key}, path)
        with pytest.raises(InputError, match=rf"does not fit the network: 1 missing: {key}"):
            HRNet(18, weights=path)


def test_a_level_alone_is_what_it_is_among_others(published):
    _, path = published
    full = HRNet(18, weights=path).eval()
    with torch.no_grad():
        maps = full(pictures(96))
        for i, name in enumerate(("R1", "R2", "R3")):
            (alone,) = HRNet(18, outputs=[name], weights=path).eval()(pictures(96))
            torch.testing.assert_close(alone, maps[i])


def upsampled(x):
    """Twice as many cells, each at k / 2 of the old ones; spelt out, on one axis after another."""
    for axis in (2, 3):
        x = x.transpose(axis, 3)
        cells = []
        for k in range(2 * x.shape[3]):
            right = min((k + 1) // 2, x.shape[3] - 1)
            cells.append((x[..., k // 2] + x[..., right]) / 2)
        x = torch.stack(cells, 3).transpose(axis, 3)
    return x


def test_the_modified_fusion_spelt_out():
    """The dense third branch holds the strided one; R2 gets it as it is, R1 bilinearly."""
    channels = (2, 4, 8)
    torch.manual_seed(0)
    dense = randomised(ParallelModule(channels, (4, 8, 8), "bilinear")).double()
    strided = ParallelModule(channels, (4, 8, 16), "nearest").double().eval()
    strided.load_state_dict(dense.state_dict())
    sides = (24, 12, 12)
    maps = [torch.randn(1, c, s, s).double() for c, s in zip(channels, sides, strict=True)]
    with torch.no_grad():
        fused = dense(maps)
        coarse = strided([*maps[:2], maps[2][..., ::2, ::2]])
        torch.testing.assert_close(fused[2][..., ::2, ::2], coarse[2])

        x, y, z = (branch(m) for branch, m in zip(dense.branches, maps, strict=True))
        rows = dense.fuse_layers
        torch.testing.assert_close(fused[1], F.relu(rows["1"][0](x) + y + rows["1"][2](z)))
        both = upsampled(rows["0"][1](y)) + upsampled(rows["0"][2](z))
        torch.testing.assert_close(fused[0], F.relu(x + both))


def test_the_modified_transition_keeps_the_grid(published):
    """On the same maps its third branch holds the published one's as every second cell."""
    _, path = published
    backbones = [HRNet(18, modified, weights=path).eval() for modified in (True, False)]
    maps = [torch.randn(1, 18, 32, 32), torch.randn(1, 36, 16, 16)]
    with torch.no_grad():
        dense, strided = (backbone.transition2(list(maps)) for backbone in backbones)
    assert [m.shape[-1] for m in dense] == [32, 16, 16]
    assert [m.shape[-1] for m in strided] == [32, 16, 8]
    torch.testing.assert_close(dense[2][..., ::2, ::2], strided[2])


def test_cells_lie_at_multiples_of_the_stride():
    """Nearest or uncorrected bilinear upsampling would move R1 aside by a part of its stride."""
    backbone = HRNet(18)
    places = [here for (here, _), _ in fields(backbone, apart=8, width=840, height=48)]
    assert places == pytest.approx([420, 416, 416], abs=0.05)


def test_stages_freeze_with_their_transitions(published):
    backbone = HRNet(18, weights=published[1], frozen=["stem", "stage2", "stage4"])
    frozen = {key for key, p in backbone.named_parameters() if not p.requires_grad}
    prefixes = ("conv1.", "bn1.", "conv2.", "bn2.", "transition1.", "stage2.")
    assert frozen == {key for key, _ in backbone.named_parameters() if key.startswith(prefixes)}


def test_imagenet_is_timms_release(monkeypatch, published, tmp_path):
    urls = [HRNetWeights[f"W{width}"].url for width in WIDTHS]
    assert [url.rsplit("/", 1)[1].split("-")[0] for url in urls] == [
        f"hrnetv2_w{width}" for width in WIDTHS
    ]
    cached = tmp_path / "hub" / "checkpoints" / urls[0].rsplit("/", 1)[1]
    cached.parent.mkdir(parents=True)
    published[1].rename(cached)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    backbone = HRNet(18, weights="imagenet")
    assert torch.equal(backbone.layer1[0].conv1.weight, published[0]["layer1.0.conv1.weight"])


def test_unknown_widths_and_levels_are_refused():
    with pytest.raises(InputError, match=r"backbone.width: 20: expected among 18, 32, 48"):
        HRNet(20)
    with pytest.raises(InputError, match=r"backbone.outputs: R4: expected among R1, R2, R3$"):
        HRNet(18, outputs=["R4"])
