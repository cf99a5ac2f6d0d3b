"""Several datasets for one training, drawn from by weight."""

import re
from bisect import bisect_right
from collections.abc import Callable
from collections.abc import Sequence as Series
from functools import cached_property
from itertools import accumulate
from math import isfinite
from typing import Any

from datasets.sequence import Dataset, Part, Sequence
from ops.errors import InputError, check_number


class Chained(Series):
    """Lists one after another, none of them copied: what an item is, its own list says when asked.

    Args:
        lists: of any kind that knows its length.
    """

    def __init__(self, lists: Series[Series[Any]]):
        self.lists = list(lists)
        self.ends = list(accumulate(map(len, self.lists)))

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = range(len(self))[index]  # from the end where it is negative; IndexError beyond it
        which = bisect_right(self.ends, place)
        return self.lists[which][place - (self.ends[which - 1] if which else 0)]


class Mixture(Dataset):
    """A dataset of several. Names are unique within a part, which is all that training asks."""

    @cached_property
    def by_name(self) -> dict[str, Sequence]:
        """The sequences by name. Raises InputError where two parts have one of the same name."""
        named = {sequence.name: sequence for sequence in self.sequences}
        if len(named) < len(self.sequences):
            raise InputError(f"{self.name}: some sequences of different parts have the same name")
        return named


def mixture(parts: dict[str, dict[str, Any]], split: str = "train") -> Mixture:
    """Training footage from several datasets: first a part is drawn, then a sequence of it.

    Args:
        parts: by name, each a dict of
            dataset: reads it, called without arguments (in a config: `_partial_: true`);
            weight: how often it is drawn, relative to the others; a part of weight 0 is left out
            and not read;
            max_gap: largest distance of two neighbouring frames of a clip, counted in those with a
            target; None leaves it to the tracker.
        split: "train", which is all that a mixture is for.

    Raises:
        InputError: another split, a weight or a gap that is none, nothing to draw from, and
            whatever the dataset of a part raises, with the part's name before it.
    """
    if split != "train":
        raise InputError(f"split={split}: expected train, a mixture is for training")
    for name, part in parts.items():
        _check_part(name, part)
    drawn = {name: part for name, part in parts.items() if part["weight"]}
    if not drawn:
        raise InputError(
            f"dataset.parts: all of {', '.join(parts)} have weight 0, expected one above 0, as in "
            f"dataset.parts.{next(iter(parts), 'NAME')}.weight=1"
        )
    read = {name: _read(name, part["dataset"]) for name, part in drawn.items()}
    chosen = tuple(
        Part(name, read[name].sequences, part["weight"], part["max_gap"])
        for name, part in drawn.items()
    )
    title = " + ".join(dataset.name for dataset in read.values())
    left_out = [name for name in parts if name not in drawn]
    return Mixture(
        title,
        "train",
        Chained([part.sequences for part in chosen]),
        part=f"without {', '.join(left_out)}" if left_out else None,
        mixture=chosen,
    )


def _check_part(name: str, part: dict[str, Any]) -> None:
    """Raise InputError, naming the key, unless a part is one."""
    key = f"dataset.parts.{name}"
    if not isinstance(part, dict):
        raise InputError(f"{key}={part}: expected a dict of dataset, weight and max_gap")
    wrong = sorted(part.keys() ^ {"dataset", "weight", "max_gap"})
    if wrong:
        raise InputError(f"{key}.{wrong[0]}: expected dataset, weight and max_gap, no more or less")
    check_number(f"{key}.weight", part["weight"], 0, whole=False)
    if not isfinite(part["weight"]):
        raise InputError(f"{key}.weight={part['weight']}: expected a finite number")
    if part["max_gap"] is not None:
        check_number(f"{key}.max_gap", part["max_gap"], 1)
    if not callable(part["dataset"]):
        raise InputError(f"{key}.dataset: expected a dataset's config with _partial_: true")
    # Before the first is read, which may take minutes; a dataset alone says it of data_root.
    if part["weight"] and getattr(part["dataset"], "keywords", {}).get("root", "") is None:
        raise InputError(
            f"no folder of {name} is given: expected data_root.{name}=DIR, "
            f"or {key}.weight=0 to train without it"
        )


def _read(name: str, dataset: Callable[[], Dataset]) -> Dataset:
    """The dataset of a part, with the part's name and its keys in what it raises."""
    try:
        read = dataset()
    except InputError as error:
        text = re.sub(r"(?<!\S)data_root=", f"data_root.{name}=", str(error))
        text = re.sub(r"(?<!\S)dataset\.(?=\w+[=:])", f"dataset.parts.{name}.dataset.", text)
        raise InputError(f"{name}: {text}") from None
    if read.split == "test":
        raise InputError(f"dataset.parts.{name}: split=test is refused in training")
    return read
