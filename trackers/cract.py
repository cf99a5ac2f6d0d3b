"""CRACT: region proposals, refined by a cascade of regression, alignment and classification."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from heads.cract.head import CRACTTemplate, Maps
from heads.cract.loss import refinement_loss, training_proposals
from heads.cract.online import OnlineLearning, OnlineMemory
from heads.cract.proposals import suppress
from ops.crop import Frames, to_crop
from ops.errors import check_number, check_part
from ops.random import derive, derive_from_numbers
from trackers.region_proposal import Candidates, Choice, Pairs, RegionProposalTracker, Search
from trackers.siamese import SiameseMemory


@dataclass
class CRACTMemory(SiameseMemory):
    """With the discriminator and what it learns from; without one, it is SiameseMemory."""

    online: OnlineMemory


class CRACTTracker(RegionProposalTracker):
    """Algorithm 1.

    What is drawn for a target (the discriminator's first weights, its samples), and when it
    collects and learns, follows from the seed, its first box and picture and its scores, whatever
    else is in the batch. Rounding differs between batches, though, and Gauss-Newton on a network of
    ReLUs amplifies it about 1e5 times in the first frame: the discriminator's weights then differ
    by 1 %, its scores by up to 0.1, and where proposals score alike another may be taken. Measured
    over 25 frames of targets of 20 pixels, alone against together: up to 2.3 pixels with a network
    that has learned them (4.3 with one that has less; 1e-4 without a discriminator), tens of pixels
    with an untrained one on noise.

    Args:
        backbone, template_size, search_size, penalty, window_influence, learning_rate: see
            RegionProposalTracker.
        head: see heads.cract.CRACTHead.
        align: False for parallel refinement (Table 7), where proposals are classified by the
            features of where they were before regression.
        proposals: N, that are refined in a frame.
        suppression: overlap above which a proposal gives way to one of a higher score.
        alpha: of the identifier against the discriminator, Eq. 9. At 1 nothing is learned while
            tracking, at 0 the identifier is not asked (Table 8).
        beta: of the refined score against the coarse one, Eq. 10. Decision: the coarse score is the
            proposal's after window and penalty.
        seed: of the discriminator. Repetitions of a benchmark that asks for them (VOT) vary it, as
            nothing else is drawn while tracking.
        first_samples, samples, interval, long_frames, short_frames, first_iterations, iterations,
            regularization, hard_negatives: see heads.cract.online.OnlineLearning.
    """

    def __init__(
        self,
        backbone: nn.Module,
        head: nn.Module,
        template_size: int = 127,
        search_size: int = 255,
        align: bool = True,
        penalty: float = 0.05,
        window_influence: float = 0.42,
        learning_rate: float = 0.38,
        proposals: int = 10,
        suppression: float = 0.7,
        alpha: float = 0.4,
        beta: float = 0.8,
        seed: int = 0,
        first_samples: Sequence[int] = (200, 1000),
        samples: Sequence[int] = (50, 200),
        interval: int = 10,
        long_frames: int = 100,
        short_frames: int = 20,
        first_iterations: Sequence[int] = (6, 10),
        iterations: int = 5,
        regularization: float = 1e-4,
        hard_negatives: int = 2,
    ):
        super().__init__(
            backbone,
            head,
            template_size,
            search_size,
            penalty=penalty,
            window_influence=window_influence,
            learning_rate=learning_rate,
        )
        check_number("tracking.proposals", proposals, 1)
        check_number("tracking.seed", seed, 0)
        check_part("tracking.suppression", suppression)
        check_part("tracking.alpha", alpha)
        check_part("tracking.beta", beta)
        self.align, self.proposals, self.suppression = align, proposals, suppression
        self.alpha, self.beta = alpha, beta
        self.seed = None if alpha == 1 else seed  # without a discriminator nothing is drawn
        self.learning = OnlineLearning(
            tuple(first_samples),
            tuple(samples),
            interval,
            long_frames,
            short_frames,
            tuple(first_iterations),
            iterations,
            regularization,
            hard_negatives,
        )

    # ------------------------------------------------------------------ tracking

    @torch.no_grad()
    def init(self, frames: Frames, boxes: Tensor) -> SiameseMemory:
        memory = super().init(frames, boxes)
        if self.alpha == 1:
            return memory
        keys = torch.full((len(boxes),), self.seed, device=boxes.device)
        keys = derive_from_numbers(keys, torch.cat([boxes, frames.means, frames.sizes], 1))
        search = self.search(frames, boxes)
        placed = to_crop(boxes, search.windows, self.search_size)
        maps = search.features.fused
        online = self.learning.start(keys, maps, placed, self.head.pool, self.search_size)
        return CRACTMemory(boxes, memory.template, online)

    def remember(self, memory: SiameseMemory, scores: Tensor, search: Search) -> SiameseMemory:
        """Algorithm 1, line 12."""
        if self.alpha == 1:
            return memory
        placed = to_crop(memory.boxes, search.windows, self.search_size)
        maps, pool = search.features.fused, self.head.pool
        online = self.learning.step(memory.online, maps, placed, scores, pool, self.search_size)
        return replace(memory, online=online)

    def template(self, crops: Tensor, boxes: Tensor) -> CRACTTemplate:
        return self.head.template(self.backbone(crops), boxes, self.template_size)

    def features(self, crops: Tensor) -> Maps:
        return self.head.maps(self.backbone(crops))

    def choose(self, candidates: Candidates, features: Maps, memory: SiameseMemory) -> Choice:
        """Refine the best proposals and take the one that Eq. 10 scores highest (Algorithm 1, lines
        7 to 11)."""
        coarse = candidates.ranking.scores  # (B, A)
        indices, kept = suppress(candidates.boxes, coarse, self.proposals, self.suppression)
        boxes = candidates.boxes.take_along_dim(indices[..., None], 1)  # (B, N, 4)
        refined = self.head.refine(memory.template, features, boxes, self.search_size, self.align)
        classified = self.classify(refined.features, memory)  # (B, N)
        scores = self.beta * classified + (1 - self.beta) * coarse.gather(1, indices)
        scores, best = scores.masked_fill(~kept, -torch.inf).max(1)
        rows = torch.arange(len(best), device=best.device)
        rates = candidates.ranking.rates[rows, indices[rows, best]]
        return Choice(refined.boxes[rows, best], scores, rates)

    def classify(self, features: Tensor, memory: SiameseMemory) -> Tensor:
        """Eq. 9: scores (B, N) of proposals with features (B, N, C, P)."""
        scores = features.new_zeros(features.shape[:2])
        if self.alpha > 0:
            logits = self.head.identifier(features, memory.template.target)
            scores = self.alpha * logits.softmax(-1)[..., 1]
        if self.alpha < 1:
            answers = memory.online.discriminator.classify(features.mT)
            scores = scores + (1 - self.alpha) * answers
        return scores

    # ------------------------------------------------------------------ training

    def pair_losses(self, pairs: Pairs) -> dict[str, Tensor]:
        """rpn_loss and refinement_loss, added up (section 3.4)."""
        with torch.no_grad():
            boxes, scores = pairs.proposals.boxes(pairs.anchors), pairs.proposals.scores()
            boxes = training_proposals(boxes, scores, pairs.truths, derive(pairs.keys, 1))
        return super().pair_losses(pairs) | refinement_loss(
            self.head,
            pairs.template,
            pairs.features,
            boxes,
            pairs.truths,
            pairs.matches,
            derive(pairs.keys, 2),
            self.search_size,
            self.align,
        )
