from functools import partial
from itertools import chain

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from published_layouts import ROOT
from training_trees import FRAMES, given, write_cract_trees, write_hrom_trees

import engine.arguments  # noqa: F401 (the configs' resolvers)
from datasets.mixture import Chained, mixture
from datasets.sequence import Dataset, Sequence
from engine.instantiate import build_dataset
from ops.errors import InputError


class Numbered(Sequence):
    def __init__(self, name):
        self.name, self.boxes = name, np.ones((2, 4))


def dataset(*names, split="train"):
    return Dataset("+".join(names), split, [Numbered(name) for name in names])


def part(*names, weight=1, max_gap=None, **facts):
    return {"dataset": partial(dataset, *names, **facts), "weight": weight, "max_gap": max_gap}


def compose_dataset(*overrides):
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        return compose("train", ["index=null", *overrides]).dataset


@pytest.fixture
def hrom(tmp_path):
    return write_hrom_trees(tmp_path)


@pytest.fixture
def cract(tmp_path):
    return write_cract_trees(tmp_path)


def test_hrom_mix(hrom):
    mixed = build_dataset(compose_dataset("tracker=hrom", "dataset=hrom_mix", *given(hrom)))
    assert (mixed.split, mixed.part) == ("train", None)
    assert [part.name for part in mixed.parts] == ["vid", "det", "coco", "youtube_bb"]
    assert [part.weight for part in mixed.parts] == [1, 2, 1, 2]
    assert [part.max_gap for part in mixed.parts] == [None, None, None, 3]
    assert [len(part.sequences) for part in mixed.parts] == [2, 1, 2, 1]
    assert [sequence.still for sequence in mixed.sequences] == [False] * 2 + [True] * 3 + [False]
    assert all(sequence.frame(0).shape == (64, 128, 3) for sequence in mixed.sequences)
    assert len(mixed.by_name) == 6


def test_cract_mix(cract):
    some = "dataset.parts.trackingnet.dataset.parts=[2]"
    mixed = build_dataset(
        compose_dataset("tracker=cract", "dataset=cract_mix", some, *given(cract))
    )
    assert [part.name for part in mixed.parts] == ["lasot", "trackingnet", "got10k", "coco"]
    assert len({part.weight for part in mixed.parts}) == 1
    assert [len(sequence) for sequence in mixed.sequences] == [FRAMES] * 3 + [1] * 2
    assert mixed.name == "LaSOT train + TrackingNet train + GOT-10k train + COCO"


def test_a_part_that_is_left_out_needs_no_folder(cract):
    names = ("lasot", "trackingnet", "got10k")
    without = [f"dataset.parts.{name}.weight=0" for name in names]
    root = f"data_root.coco={cract['coco']}"
    mixed = build_dataset(compose_dataset("dataset=cract_mix", *without, root))
    assert [part.name for part in mixed.parts] == ["coco"] and len(mixed.sequences) == 2
    assert mixed.part == "without lasot, trackingnet, got10k"
    with pytest.raises(InputError, match="dataset.parts: all of lasot, .* coco have weight 0"):
        zero = "dataset.parts.coco.weight=0"
        build_dataset(compose_dataset("dataset=cract_mix", *without, zero, root))


@pytest.mark.parametrize(
    "override, words",
    [
        ("data_root.vid=null", "no folder of vid is given: expected data_root.vid=DIR, or"),
        ("data_root.coco=/none", "coco: data_root.coco=/none: no such folder; expected COCO"),
        ("dataset.parts.coco.weight=-1", "dataset.parts.coco.weight=-1: expected a number"),
        ("dataset.parts.det.weight=much", "dataset.parts.det.weight=much: expected a number"),
        ("dataset.parts.det.weight=inf", "dataset.parts.det.weight=inf: expected a finite"),
        ("dataset.parts.vid.max_gap=0", "dataset.parts.vid.max_gap=0: expected a whole number"),
        ("+dataset.parts.vid.gap=3", "dataset.parts.vid.gap: expected dataset, weight and max"),
        ("+dataset.parts.vid.dataset.frames=3", "vid() got an unexpected keyword argument"),
        ("dataset.parts.vid.dataset._partial_=false", "dataset.parts.vid.dataset: expected a"),
        (
            "dataset.parts.vid=3",
            "dataset.parts.vid=3: expected a dict of dataset, weight and max_gap",
        ),
        ("split=val", "split=val: expected train"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(hrom, override, words):
    with pytest.raises(InputError) as caught:
        build_dataset(compose_dataset("dataset=hrom_mix", *given(hrom), override))
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_keys_of_a_part_are_named_as_they_are_given_here(cract):
    for parts in "[2,7]", "[99]":
        some = f"dataset.parts.trackingnet.dataset.parts={parts}"
        with pytest.raises(InputError, match=r"^trackingnet: .*dataset\.parts\.trackingnet\.d"):
            build_dataset(compose_dataset("dataset=cract_mix", some, *given(cract)))


def test_missing_folders_are_named_before_anything_is_read():
    parts = {"a": part("x"), "b": {**part(), "dataset": partial(dataset, root=None)}}
    parts["a"]["dataset"] = partial(pytest.fail, "it was read")
    with pytest.raises(InputError, match=r"no folder of b is given: expected data_root\.b=DIR"):
        mixture(parts)


def test_other_datasets_still_have_one_folder(hrom):
    config = compose_dataset("tracker=hrom", "dataset=vid", f"data_root={hrom['vid']}")
    assert len(build_dataset(config).sequences) == 2


def test_from_the_command_line(run, tmp_path, hrom):
    arguments = ["device=cpu", "tracker=hrom", "dataset=hrom_mix"]
    code, _, error = run("train", *arguments, *given(hrom)[:3])
    assert code == 1 and error.strip().splitlines()[-1].startswith(
        "error: no folder of youtube_bb is given: expected data_root.youtube_bb=DIR"
    )
    code, _, error = run("train", *arguments, "data_root=/data")
    assert code == 1 and error.startswith("error: ") and "data_root.vid" in error
    assert error.count("\n") == 1
    code, _, error = run(
        "evaluate", "tracker=first_box", "device=cpu", "dataset=hrom_mix", *given(hrom)
    )
    assert code == 1 and "split=test: expected train" in error


def test_a_mixture_is_lazy_and_in_order():
    parts = {"a": part("x", "y", weight=0.5, max_gap=7), "b": part("z"), "c": part("u", weight=0)}
    parts["c"]["dataset"] = partial(pytest.fail, "a part of weight 0 was read")
    mixed = mixture(parts)
    assert [sequence.name for sequence in mixed.sequences] == ["x", "y", "z"]
    first, second = mixed.parts
    assert (first.name, first.weight, first.max_gap) == ("a", 0.5, 7)
    assert (second.name, second.weight, second.max_gap) == ("b", 1, None)
    assert first.sequences[1] is mixed.sequences[1]


def test_names_that_two_parts_have_are_not_dropped():
    mixed = mixture({"a": part("x", "y"), "b": part("y")})
    assert len(mixed.sequences) == 3  # training asks for no names
    with pytest.raises(InputError, match="the same name"):
        _ = mixed.by_name
    assert list(mixture({"a": part("x"), "b": part("y")}).by_name) == ["x", "y"]


def test_a_test_set_is_refused():
    with pytest.raises(InputError, match="dataset.parts.b: split=test is refused in training"):
        mixture({"a": part("x"), "b": part("y", split="test")})


@pytest.mark.parametrize("lists", [[], [[]], [[1, 2], [], [3], [4, 5, 6]], [[], [1]]])
def test_chained_lists(lists):
    chained, whole = Chained(lists), list(chain(*lists))
    assert len(chained) == len(whole) and list(chained) == whole
    for index in range(-len(whole), len(whole)):
        assert chained[index] == whole[index]
    for index in (len(whole), -len(whole) - 1):
        with pytest.raises(IndexError):
            chained[index]
    assert chained[1:] == whole[1:] and chained[::-2] == whole[::-2]
