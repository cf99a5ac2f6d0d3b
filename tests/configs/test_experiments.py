"""The papers' ablation tables: each row is the tracker it says, and each table has all its rows."""

import warnings

import pytest
import torch
from conftest import ROOT
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from omegaconf import OmegaConf

from benchmarks.published import published_names, published_table
from engine.build import build_tracker

CONFIGS = ROOT / "configs"
COUNTS = {
    "rar_backbone": 15,
    "rar_components": 9,
    "rasnet_attention": 6,
    "siamfc_channels": 3,
    "cract_refinement": 2,
    "cract_classification": 3,
    "cract_pooling": 2,
    "hrom_representation": 8,
    "hrom_modules": 8,
    "hrom_backbones": 9,
    "rar_components_small": 9,
    "rasnet_attention_small": 6,
}
SMALL = [table for table in COUNTS if table.endswith("_small")]
FILES = [path for table in COUNTS for path in sorted((CONFIGS / "experiment" / table).glob("*"))]
ROWS = [f"{path.parent.name}/{path.stem}" for path in FILES]

PLAIN_RAR = "tracker=rar backbone.deformable=[] head.stride=${backbone.stride}"
PLAIN_HROM = "tracker=hrom head.channel_mask=false head.spatial_mask=false head.deformable=false"
SMALL_RAR = (
    "tracker=rar backbone=resnet18 backbone.outputs=[conv2,conv3] head.stride=4 "
    "head.hidden_channels=32 head.width=64 head.out_channels=32 tracker.input_size=96 "
    "tracker.scale_sigma=0.05 clip.search_scale=0.1"
)
THREE_LEVELS = PLAIN_HROM + " head.representation=[R1,R2,R3]"
# Row -> the command line that makes the same tracker and training.
SAME_AS = {
    "rar_components": {
        "vgg_m": "tracker=rar backbone=vgg_m",
        "resnet50": f"{PLAIN_RAR} backbone.stride=32",
        "traditional_dcf": "tracker=rar tracker.contexts=false "
        "tracker.templates_differentiable=false clip.frames=2 clip.templates=1 clip.searches=1",
        "no_hierarchical_features": "tracker=rar backbone.outputs=[conv5] head.refined=false",
        "no_attention": "tracker=rar head.inter_frame=false head.channel=false head.spatial=false",
        "no_inter_frame": "tracker=rar head.inter_frame=false",
        "no_channel": "tracker=rar head.channel=false",
        "no_spatial": "tracker=rar head.spatial=false",
        "full": "tracker=rar",
    },
    "rar_backbone": {
        "01_conv3": f"{PLAIN_RAR} backbone.outputs=[conv3]",
        "02_conv4": f"{PLAIN_RAR} backbone.outputs=[conv4] backbone.stride=16",
        "03_conv5": f"{PLAIN_RAR} backbone.outputs=[conv5] backbone.stride=32",
        "04_conv3_conv4": f"{PLAIN_RAR} backbone.outputs=[conv3,conv4] backbone.stride=16",
        "05_conv3_conv5": f"{PLAIN_RAR} backbone.outputs=[conv3,conv5] backbone.stride=32",
        "06_conv4_conv5": f"{PLAIN_RAR} backbone.outputs=[conv4,conv5] backbone.stride=32",
        "07_stride32": f"{PLAIN_RAR} backbone.stride=32",
        "08_stride16": f"{PLAIN_RAR} backbone.stride=16",
        "09_stride8": PLAIN_RAR,
        "10_stride4": f"{PLAIN_RAR} backbone.stride=4",
        "11_fixed": f"{PLAIN_RAR} backbone.frozen=all",
        "12_deformable_conv3": "tracker=rar backbone.deformable=[conv3] head.stride=8",
        "13_deformable_conv4": "tracker=rar head.stride=8",
        "14_deformable_conv5": "tracker=rar backbone.deformable=[conv5] head.stride=8",
        "15_deformable_all": "tracker=rar backbone.deformable=[conv3,conv4,conv5] head.stride=8",
    },
    "rasnet_attention": {
        "siamfc": "clip.search_shift=0.0 tracker=siamfc",
        "general": "clip.search_shift=0.0 tracker=rasnet head.residual=false head.channel=false",
        "dual": "clip.search_shift=0.0 tracker=rasnet head.channel=false",
        "channel": "clip.search_shift=0.0 tracker=rasnet head.general=false head.residual=false",
        "rasnet": "clip.search_shift=0.0 tracker=rasnet",
        "full_attention": "clip.search_shift=0.0 tracker=rasnet head.general=false "
        "head.residual=false head.channel=false head.full=true",
    },
    "siamfc_channels": {
        "half": "clip.search_shift=0.0 tracker=siamfc backbone.width=0.5",
        "quarter": "clip.search_shift=0.0 tracker=siamfc backbone.width=0.25",
        "eighth": "clip.search_shift=0.0 tracker=siamfc backbone.width=0.125",
    },
    "cract_refinement": {
        "parallel": "tracker=cract tracker.align=false",
        "cascaded": "tracker=cract",
    },
    "cract_classification": {
        "identifier": "tracker=cract tracking.alpha=1.0",
        "discriminator": "tracker=cract tracking.alpha=0.0",
        "joint": "tracker=cract",
    },
    "cract_pooling": {"roialign": "tracker=cract head.pool_sizes=[6]", "pyramid": "tracker=cract"},
    "hrom_representation": {
        "r2": f"{PLAIN_HROM} head.representation=[R2]",
        "r3": f"{PLAIN_HROM} head.representation=[R3]",
        "r4": f"{PLAIN_HROM} head.representation=[R4]",
        "r2_r3": f"{PLAIN_HROM} head.representation=[R2,R3]",
        "r2_r4": f"{PLAIN_HROM} head.representation=[R2,R4]",
        "r3_r4": f"{PLAIN_HROM} head.representation=[R3,R4]",
        "r2_r3_r4": f"{PLAIN_HROM} head.representation=[R2,R3,R4]",
        "r1_r2_r3_r4": f"{PLAIN_HROM} head.representation=[R1,R2,R3,R4]",
    },
    "hrom_modules": {
        "baseline": PLAIN_HROM,
        "channel": "tracker=hrom head.spatial_mask=false head.deformable=false",
        "spatial": "tracker=hrom head.channel_mask=false head.deformable=false",
        "deformable": "tracker=hrom head.channel_mask=false head.spatial_mask=false",
        "channel_spatial": "tracker=hrom head.deformable=false",
        "full": "tracker=hrom",
        "full_w32": "tracker=hrom backbone=hrnet_w32",
        "full_w48": "tracker=hrom backbone=hrnet_w48",
    },
    "hrom_backbones": {
        "alexnet": f"{THREE_LEVELS} backbone=alexnet",
        "vgg16": f"{THREE_LEVELS} backbone=vgg16",
        "resnet18": f"{THREE_LEVELS} backbone=resnet18 backbone.outputs=[conv3,conv4,conv5]",
        "resnet34": f"{THREE_LEVELS} backbone=resnet34 backbone.dilated=true",
        "resnet50": f"{THREE_LEVELS} backbone=resnet50 backbone.dilated=true "
        "backbone.deformable=[] backbone.frozen=[]",
        "mobilenet_v2": f"{THREE_LEVELS} backbone=mobilenet_v2",
        "hrnet_w18": f"{PLAIN_HROM} backbone=hrnet_w18",
        "hrnet_w32": f"{PLAIN_HROM} backbone=hrnet_w32",
        "hrnet_w48": f"{PLAIN_HROM} backbone=hrnet_w48",
    },
}
SAME_AS["rasnet_attention_small"] = {
    row: f"{said} backbone.width=0.5" for row, said in SAME_AS["rasnet_attention"].items()
}
SAME_AS["rar_components_small"] = {
    row: said.replace("tracker=rar", SMALL_RAR) for row, said in SAME_AS["rar_components"].items()
} | {
    "vgg_m": f"{SMALL_RAR} backbone=vgg_m backbone.outputs=[conv1,conv2]".replace(
        "backbone=resnet18 ", ""
    ),
    "resnet50": f"{SMALL_RAR} head.stride=8",
    "no_hierarchical_features": f"{SMALL_RAR} backbone.outputs=[conv3] backbone.stride=4 "
    "head.refined=false",
}
FROM_SCRATCH = (
    "rasnet_attention/", "siamfc_channels/", "rar_components/vgg_m", *(f"{t}/" for t in SMALL)
)  # fmt: skip


@pytest.fixture(autouse=True)
def hydra():
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        yield


def of_row(row):
    table, _, name = row.partition("/")
    return compose("train", [f"+experiment/{table}={name}"])


def build(config):
    """The tracker of a row at its full size, without memory or time for its weights."""
    config.backbone.weights = None
    with torch.device("meta"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*has no pretrained weights")
        return build_tracker(config)


def substance(config):
    """What makes a row what it is, its starting weights aside."""
    keys = ["tracker", "backbone", "head", "tracking", "clip"]
    keys += [] if config.name.split("/")[0] in SMALL else ["trainer", "optimizer"]
    plain = {key: OmegaConf.to_container(config[key], resolve=True) for key in keys}
    plain["backbone"].pop("weights")
    return plain


def check_scales(config):
    """Where a correlation filter's search shows other scales, it is to tell them apart."""
    if "scale_sigma" in config.tracker:
        assert (config.tracker.scale_sigma is None) == (config.clip.search_scale == 0)


def test_every_table_has_its_rows_and_its_published_figures():
    assert set(published_names()) == set(COUNTS) == set(SAME_AS)
    for table, count in COUNTS.items():
        rows = {path.stem for path in FILES if path.parent.name == table}
        # What `glob(*)` goes through: no shared file is among it.
        loader = GlobalHydra.instance().config_loader()
        assert set(loader.get_group_options(f"experiment/{table}", ObjectType.CONFIG)) == rows
        assert rows == set(published_table(table).rows) == set(SAME_AS[table])
        assert len(rows) == count


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_what_it_says_and_builds(row):
    config = of_row(row)
    table, _, name = row.partition("/")
    assert (config.name, config.label, config.evaluate_after) == (row, name, True)
    assert config.backbone.weights == (None if row.startswith(FROM_SCRATCH) else "imagenet")
    rows_validate_nothing = "trainer.validate=false"
    said = compose("train", [*SAME_AS[table][name].split(), f"name={row}", rows_validate_nothing])
    assert substance(config) == substance(said)
    check_scales(config)
    assert any(parameter.requires_grad for parameter in build(config).parameters())


@pytest.mark.parametrize("table", SMALL)
def test_rows_of_a_small_table_are_trained_and_tested_alike(table):
    def training(row):
        keys = ("trainer", "optimizer", "augmentation", "dataset", "test_dataset", "evaluation")
        config = of_row(row)
        assert (config.trainer.amp, config.trainer.validate, config.baselines) == (True, False, [])
        settings = {key: OmegaConf.to_container(config[key]) for key in keys}
        searched = settings["trainer"].pop("clips_per_epoch") * config.clip.searches
        if row == "rar_components_small/traditional_dcf":  # as its notes say
            for rate in ("learning_rate", "final_learning_rate"):
                settings["optimizer"][rate] = round(50 * settings["optimizer"][rate], 6)
        return settings, searched, config.seed

    rows = [training(row) for row in ROWS if row.startswith(f"{table}/")]
    assert len(rows) == COUNTS[table] and all(row == rows[0] for row in rows)


SMALL_ONES = ("quickstart", "synthetic")
SINGLE = ("quickstart", *(
    f"{path.parent.name}/{path.stem}"
    for folder in ("real", "shipped", "synthetic")
    for path in sorted((CONFIGS / "experiment" / folder).glob("*.yaml"))
))  # fmt: skip


@pytest.mark.parametrize("name", SINGLE)
def test_an_experiment_is_named_as_its_file_and_builds(name):
    config = compose("train", [f"experiment={name}"])
    assert config.name == name and config.backbone.weights is None
    assert any(parameter.requires_grad for parameter in build(config).parameters())
    check_scales(config)


@pytest.mark.parametrize("name", [name for name in SINGLE if name.startswith("real/")])
def test_on_real_footage_the_backbone_is_given_and_nothing_is_chosen_by_validation(name):
    config = compose("train", [f"experiment={name}"])
    assert config.backbone.frozen == "all" and not config.trainer.validate
    assert set(config.dataset.parts) == {"synthetic", "folder", "coco"}


def test_rasnet_and_siamfc_are_trained_alike_on_real_footage():
    rasnet, siamfc = (
        compose("train", [f"experiment=real/{name}"]) for name in ("rasnet", "siamfc")
    )
    alike = ("trainer", "optimizer", "augmentation", "clip", "dataset", "backbone", "tracking")
    assert all(rasnet[key] == siamfc[key] for key in alike)
    plain = {"general": False, "residual": False, "channel": False}
    assert siamfc.head == {**rasnet.head, **plain}
    assert siamfc.tracker == {**rasnet.tracker, "distance_sigma": None}


@pytest.mark.parametrize("name", [name for name in SINGLE if name.split("/")[0] in SMALL_ONES])
def test_a_small_experiment_takes_other_footage(name):
    """What it says of the synthetic footage goes with it."""
    groups = ("dataset", "val_dataset", "test_dataset")
    config = compose("train", [f"experiment={name}", *(f"{group}=folder" for group in groups)])
    plain = compose("train", [f"{group}=folder" for group in groups])
    assert all(config[group] == plain[group] for group in groups)


# Journal, Table 3: stages, stages with deformable convolutions, stride of the output
TABLE3 = """3 - 8, 4 - 16, 5 - 32, 34 - 16, 35 - 32, 45 - 32, 345 - 32, 345 - 16, 345 - 8, 345 - 4,
            345 - 8, 345 3 8, 345 4 8, 345 5 8, 345 345 8"""


@pytest.mark.parametrize(("row", "said"), enumerate(TABLE3.split(","), start=1))
def test_rows_of_rars_table_3(row, said):
    stages, deformable, stride = said.split()
    (name,) = [r for r in ROWS if r.startswith(f"rar_backbone/{row:02d}_")]
    config = of_row(name)
    # conv1 and conv2 keep ImageNet's weights in every row, row 11 all of them
    assert config.backbone.frozen == ("all" if row == 11 else ["conv1", "conv2"])
    tracker = build(config)
    assert tracker.backbone.stages == tuple(f"conv{stage}" for stage in stages)
    assert tracker.head.stride == int(stride) == max(tracker.backbone.strides)
    layers = {f"layer{int(stage) - 1}" for stage in deformable.replace("-", "")}
    found = {key.split(".")[0] for key in tracker.backbone.state_dict() if ".offset." in key}
    assert found == layers


def test_what_a_component_leaves_out_is_not_there():
    def of_components(row):
        tracker = build(of_row(f"rar_components/{row}"))
        return tracker, {name for name, _ in tracker.named_parameters()}

    _, full = of_components("full")
    attentions = {name for name in full if name.startswith("head.attentions")}
    inter_frame = ("lstm.", "inter_frame.", "channel.hidden.", "spatial.hidden.")
    left_out = {
        "no_channel": {name for name in attentions if ".channel." in name},
        "no_spatial": {name for name in attentions if ".spatial." in name},
        "no_inter_frame": {n for n in attentions if any(part in n for part in inter_frame)},
        "no_attention": attentions,
    }
    for row, names in left_out.items():
        assert names and of_components(row)[1] == full - names
    tracker, names = of_components("traditional_dcf")
    assert names == full and not tracker.contexts and not tracker.templates_differentiable
    alone, _ = of_components("no_hierarchical_features")
    assert alone.backbone.stages == ("conv5",)
    assert set(alone.head.refinement.state_dict()) == {"output.weight"}
