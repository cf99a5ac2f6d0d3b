"""What the tests of training datasets share: configs, annotations in the published forms."""

from importlib import import_module
from pathlib import Path

import yaml

from datasets.tracks import TrackBuilder

ROOT = Path(__file__).resolve().parents[2]


def configured(name, root, split="train", index=None, **changes):
    """The dataset that configs/dataset/NAME.yaml describes, below `root`."""
    config = yaml.safe_load((ROOT / "configs" / "dataset" / f"{name}.yaml").read_text())
    module, function = config.pop("_target_").rsplit(".", 1)
    assert config["root"] == "${data_root}" and config["index"] == "${index}"
    if "split" in config:
        assert config["split"] == "${split}"
        config["split"] = split
    config |= {"root": root, "index": index, **changes}
    return getattr(import_module(module), function)(**config)


def write_text(path, text):
    """A text file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_xml(path, objects, size=(128, 16)):
    """An annotation in ILSVRC's form: objects (track id or None, (xmin, ymin, xmax, ymax))."""
    rows = ["<annotation>", f"\t<folder>{path.parent.name}</folder>"]
    rows += ["\t<filename>%s</filename>", "\t<source><database>ILSVRC_2013</database></source>"]
    rows += [f"\t<size>\n\t\t<width>{size[0]}</width>\n\t\t<height>{size[1]}</height>\n\t</size>"]
    for track, (xmin, ymin, xmax, ymax) in objects:
        rows += ["\t<object>", "\t\t<name>n02958343</name>"]
        rows += [] if track is None else [f"\t\t<trackid>{track}</trackid>"]
        rows += ["\t\t<bndbox>", f"\t\t\t<xmax>{xmax}</xmax>", f"\t\t\t<xmin>{xmin}</xmin>"]
        rows += [f"\t\t\t<ymax>{ymax}</ymax>", f"\t\t\t<ymin>{ymin}</ymin>", "\t\t</bndbox>"]
        rows += ["\t\t<occluded>1</occluded>", "\t\t<generated>0</generated>", "\t</object>"]
    write_text(path, "\n".join([*rows, "</annotation>", ""]))


def two_tracks():
    """A small index: a has pictures 3, 5 and 8, b has picture 0 and a known size."""
    builder = TrackBuilder()
    builder.add("a", "a/{:06d}.png", [3, 5, 8], [(1, 2, 3, 4), (2, 2, 3, 4), (3, 2, 3.25, 4)])
    builder.add("b", "b/{:06d}.png", [0], [(7, 7, 7, 7)], (128, 16))
    builder.leave_out("malformed file", "b/1.xml", 2)
    return builder.build()
