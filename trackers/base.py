"""What a tracker is: batched, and explicit about what it remembers."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ops.clip import Clip, ClipGeometry
from ops.crop import Frames


class Tracker(nn.Module):
    """Follows B targets at once. B = 1 is the live case.

    Memory is a dataclass of tensors whose first axis is the target, so that targets can be dropped
    (`select`) and joined (`join`). Nothing about a target is kept in `self`. Boxes are (x, y, w, h)
    in picture pixels (ops/boxes.py).

    Attributes:
        seed: of what is drawn while tracking: `init` puts what follows from it into memory. None
            where nothing is drawn, and repetitions would be equal.
    """

    seed: int | None = None

    def init(self, frames: Frames, boxes: Tensor) -> Any:
        """Memory of B targets that lie at boxes (B, 4) of B frames."""
        raise NotImplementedError

    def update(self, frames: Frames, memory: Any) -> tuple[Any, Tensor, Tensor]:
        """Find each target in its next frame: (new memory, boxes (B, 4), scores (B,))."""
        raise NotImplementedError

    def loss(self, clip: Clip) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """(losses by name, which are added up; what was seen by name, for pictures).

        Of what was seen, `responses` (B, T, h, w) are drawn on the searches: on `response_area`, a
        box (4,) in search crop pixels, or all over them.
        """
        raise NotImplementedError

    def geometry(self) -> ClipGeometry:
        """What the clips that it is trained on must show."""
        raise NotImplementedError


def select(memory: Any, targets: Tensor | slice) -> Any:
    """The memory of some of its targets, by a bool mask, indices or a slice."""
    return _map(lambda tensors: tensors[0][targets], [memory])


def join(memories: Sequence[Any]) -> Any:
    """One memory of all the targets of several."""
    return _map(torch.cat, memories)


def _map(function, trees: Sequence[Any]) -> Any:
    """Apply `function` to the list of corresponding tensors of trees of dataclasses and lists."""
    first = trees[0]
    if isinstance(first, Tensor):
        return function(list(trees))
    if is_dataclass(first):
        names = [field.name for field in fields(first)]
        return type(first)(
            **{name: _map(function, [getattr(tree, name) for tree in trees]) for name in names}
        )
    return [_map(function, branch) for branch in zip(*trees, strict=True)]
