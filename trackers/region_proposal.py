"""HROM, and what every tracker that chooses among region proposals shares."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from heads.rpn import Proposals, Ranking, rank, rpn_loss, smooth_size
from ops.clip import Clip
from ops.crop import Frames, crop, from_crop, to_crop
from ops.errors import check_number, check_part
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


class RegionProposalTracker(SiameseTracker):
    """One search crop a frame, and of its proposals the one with the highest penalised score.

    Tracks as SiamRPN does (section 4.3), which HROM, section 4.1 describes without its constants;
    they are SiamRPN++'s, by config.

    Args:
        backbone, head, template_size, search_size: see SiameseTracker. `head(template, levels)`
            gives the proposals of B search crops.
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

    def find(self, frames: Frames, memory: SiameseMemory) -> tuple[Tensor, Tensor]:
        windows = self.search_windows(memory.boxes)
        levels = self.backbone(crop(frames, windows[:, None], self.search_size)[:, 0])
        sizes = to_crop(memory.boxes, windows, self.search_size)[:, 2:]
        candidates = self.candidates(self.head(memory.template, levels), sizes)
        rows = torch.arange(len(sizes), device=sizes.device)
        best = rows, candidates.ranking.scores.argmax(1)
        boxes = smooth_size(
            candidates.boxes[best], sizes, candidates.ranking.rates[best], self.learning_rate
        )
        return from_crop(boxes, windows, self.search_size), candidates.scores[best]

    def search_windows(self, boxes: Tensor) -> Tensor:
        """Windows (B, 4) in which targets are searched that lay at boxes (B, 4); picture pixels."""
        geometry = self.geometry()
        return geometry.windows(boxes, geometry.search_factor)

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
        """Classification and regression of all searches with the first template, see rpn_loss."""
        batch, count = clip.searches.shape[:2]
        template = self.head.template(self.backbone(clip.templates[:, 0].float()))
        owners = torch.arange(batch, device=clip.searches.device).repeat_interleave(count)
        levels = self.backbone(clip.searches.flatten(0, 1).float())
        proposals = self.head(select(template, owners), levels)
        boxes, matches = clip.search_boxes.flatten(0, 1), clip.matches.flatten()
        losses = rpn_loss(proposals, self.anchors(proposals), boxes, matches)
        return losses, self.seen(proposals.responses().unflatten(0, (batch, count)))
