"""HROM, and what every tracker that chooses among region proposals shares."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from heads.rpn import Proposals, Ranking, rank, rpn_loss, smooth_size
from ops.clip import Clip
from ops.crop import Frames, crop, from_crop, to_crop
from ops.errors import check_number, check_part
from ops.random import derive
from ops.windows import response_window
from trackers.base import select
from trackers.siamese import SiameseMemory, SiameseTracker


@dataclass
class Candidates:
    """The proposals of B search crops, A each.

    Attributes:
        boxes: (B, A, 4) in search crop pixels.
        scores: (B, A) of the network.
        ranking: the scores after penalty and window, and the rates of smoothing.
    """

    boxes: Tensor
    scores: Tensor
    ranking: Ranking


@dataclass
class Search:
    """B search crops.

    Attributes:
        windows: (B, 4) that they show, in picture pixels.
        sizes: (B, 2) last width and height of the targets, in crop pixels.
        features: of the crops, as the head takes them.
    """

    windows: Tensor
    sizes: Tensor
    features: Any


@dataclass
class Choice:
    """Where B targets are.

    Attributes:
        boxes: (B, 4) in search crop pixels, their sizes not smoothed yet.
        scores: (B,) that the tracker gives them.
        rates: (B,) at which sizes follow (heads.rpn.Ranking).
    """

    boxes: Tensor
    scores: Tensor
    rates: Tensor


@dataclass
class Pairs:
    """What is learned from, of N searches and their templates.

    Attributes:
        template: of each search, as the head keeps it.
        features: of the searches, as the head takes them.
        proposals: of the searches, relative to anchors (A, 4) in search crop pixels.
        truths: (N, 4) in search crop pixels, and matches (N,), see Clip.
        keys: (N,) int64, of each search's draws.
    """

    template: Any
    features: Any
    proposals: Proposals
    anchors: Tensor
    truths: Tensor
    matches: Tensor
    keys: Tensor


class RegionProposalTracker(SiameseTracker):
    """One search crop a frame, and of its proposals the one with the highest penalised score.

    Tracks as SiamRPN does (section 4.3), which HROM, section 4.1 describes without its constants;
    they are SiamRPN++'s, by config.

    Args:
        backbone, head, template_size, search_size: see SiameseTracker. `head(template, features)`
            gives the proposals of B search crops; their features are the backbone's levels, or
            what a subclass makes of crops in its `features`.
        penalty: of a change of size and shape, SiamRPN's k.
        window_influence: of the Hann window, in [0, 1].
        learning_rate: of the size, times penalty and score of the chosen proposal.
    """

    def __init__(
        self,
        backbone: nn.Module,
        head: nn.Module,
        template_size: int = 127,
        search_size: int = 255,
        penalty: float = 0.05,
        window_influence: float = 0.42,
        learning_rate: float = 0.38,
    ):
        super().__init__(backbone, head, template_size, search_size)
        check_number("tracking.penalty", penalty, 0, whole=False)
        check_part("tracking.window_influence", window_influence)
        check_part("tracking.learning_rate", learning_rate)
        self.penalty = penalty
        self.window_influence, self.learning_rate = window_influence, learning_rate

    # ------------------------------------------------------------------ tracking

    def find(self, frames: Frames, memory: SiameseMemory) -> tuple[Tensor, Tensor, Search]:
        search = self.search(frames, memory.boxes)
        candidates = self.candidates(self.head(memory.template, search.features), search.sizes)
        choice = self.choose(candidates, search.features, memory)
        boxes = smooth_size(choice.boxes, search.sizes, choice.rates, self.learning_rate)
        return from_crop(boxes, search.windows, self.search_size), choice.scores, search

    def search(self, frames: Frames, boxes: Tensor) -> Search:
        """Look for targets that lay at boxes (B, 4), in picture pixels, in B frames."""
        geometry, size = self.geometry(), self.search_size
        windows = geometry.windows(boxes, geometry.search_factor)
        crops = crop(frames, windows[:, None], size)[:, 0]  # (B, 3, X, X)
        return Search(windows, to_crop(boxes, windows, size)[:, 2:], self.features(crops))

    def features(self, crops: Tensor) -> Any:
        """Of search crops (B, 3, X, X), as the head takes them."""
        return self.backbone(crops)

    def choose(self, candidates: Candidates, features: Any, memory: SiameseMemory) -> Choice:
        """The proposals that rank highest, with the network's scores."""
        rows = torch.arange(len(candidates.boxes), device=candidates.boxes.device)
        best = rows, candidates.ranking.scores.argmax(1)
        return Choice(
            candidates.boxes[best], candidates.scores[best], candidates.ranking.rates[best]
        )

    def candidates(self, proposals: Proposals, sizes: Tensor) -> Candidates:
        """Proposals of B search crops of targets that had sizes (B, 2) in these crops' pixels."""
        places = self.places(proposals)
        window = response_window(places, self.search_size / 2, self.head.stride)
        boxes, scores = proposals.boxes(self.anchors(proposals)), proposals.scores()
        ranking = rank(scores, boxes, sizes, window, self.penalty, self.window_influence)
        return Candidates(boxes, scores, ranking)

    def places(self, proposals: Proposals) -> Tensor:
        """Places (n,) of the response's cells, along either axis, in search crop pixels."""
        return self.response_centers(proposals.cells, proposals.logits.device)

    def anchors(self, proposals: Proposals) -> Tensor:
        """Anchors (A, 4) in search crop pixels."""
        return proposals.anchors(self.places(proposals), self.template_size)

    # ------------------------------------------------------------------ training

    def loss(self, clip: Clip) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Of all searches of a clip with its first template."""
        pairs = self.pairs(clip)
        responses = pairs.proposals.responses().unflatten(0, clip.searches.shape[:2])
        return self.pair_losses(pairs), self.seen(responses)

    def pairs(self, clip: Clip) -> Pairs:
        """The N = B T searches of B clips, each with its clip's first template."""
        batch, count = clip.searches.shape[:2]
        template = self.template(clip.templates[:, 0], clip.template_boxes[:, 0])
        owners = torch.arange(batch, device=clip.searches.device).repeat_interleave(count)
        template = select(template, owners)
        features = self.features(clip.searches.flatten(0, 1))
        proposals = self.head(template, features)
        keys = derive(clip.keys[:, None], torch.arange(count, device=clip.keys.device))  # (B, T)
        return Pairs(
            template,
            features,
            proposals,
            self.anchors(proposals),
            clip.search_boxes.flatten(0, 1),
            clip.matches.flatten(),
            keys.flatten(),
        )

    def pair_losses(self, pairs: Pairs) -> dict[str, Tensor]:
        """Classification and regression, see rpn_loss."""
        return rpn_loss(pairs.proposals, pairs.anchors, pairs.truths, pairs.matches, pairs.keys)
