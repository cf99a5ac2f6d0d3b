"""CRACT: region proposals, refined by a cascade of regression, alignment and classification."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from heads.cract.head import CRACTTemplate, Maps
from heads.cract.loss import refinement_loss, training_proposals
from heads.cract.online import OnlineLearning, OnlineMemory
from heads.cract.proposals import suppress
from heads.rpn import rpn_loss, smooth_size
from ops.boxes import keep_in_picture
from ops.clip import Clip
from ops.crop import Frames, crop, from_crop, to_crop
from ops.errors import check_number, check_part
from ops.random import derive_from_numbers
from trackers.base import select
from trackers.region_proposal import Candidates, RegionProposalTracker
from trackers.siamese import SiameseMemory


@dataclass
class CRACTMemory(SiameseMemory):
    """With the discriminator and what it learns from; without one, it is SiameseMemory."""

    online: OnlineMemory


@dataclass
class Choice:
    """Where B targets are, in search crop pixels: boxes (B, 4), scores (B,) of Eq. 10, and the
    rates (B,) at which sizes follow (heads.rpn.Ranking)."""

    boxes: Tensor
    scores: Tensor
    rates: Tensor


class CRACTTracker(RegionProposalTracker):
    """Algorithm 1.

    The discriminator's first weights and samples are drawn from the seed, the first box and
    picture, so they are the same in any batch.

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
        seed: of the discriminator.
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
        self.alpha, self.beta, self.seed = alpha, beta, seed
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
        geometry, size = self.geometry(), self.template_size
        windows = geometry.windows(boxes, geometry.template_factor)
        levels = self.backbone(crop(frames, windows[:, None], size)[:, 0])
        template = self.head.template(levels, to_crop(boxes, windows, size), size)
        if self.alpha == 1:
            return SiameseMemory(boxes, template)
        keys = torch.full((len(boxes),), self.seed, device=boxes.device)
        keys = derive_from_numbers(keys, torch.cat([boxes, frames.means, frames.sizes], 1))
        windows, maps = self._search(frames, boxes)
        placed = to_crop(boxes, windows, self.search_size)
        online = self.learning.start(keys, maps.fused, placed, self.head.pool, self.search_size)
        return CRACTMemory(boxes, template, online)

    @torch.no_grad()
    def update(self, frames: Frames, memory: SiameseMemory) -> tuple[SiameseMemory, Tensor, Tensor]:
        windows, maps = self._search(frames, memory.boxes)
        sizes = to_crop(memory.boxes, windows, self.search_size)[:, 2:]
        candidates = self.candidates(self.head.propose(memory.template, maps), sizes)
        choice = self.choose(candidates, maps, memory)
        boxes = smooth_size(choice.boxes, sizes, choice.rates, self.learning_rate)
        boxes = keep_in_picture(from_crop(boxes, windows, self.search_size), frames.sizes)
        memory = replace(memory, boxes=boxes)
        if isinstance(memory, CRACTMemory):
            placed = to_crop(boxes, windows, self.search_size)
            online = self.learning.step(
                memory.online, maps.fused, placed, choice.scores, self.head.pool, self.search_size
            )
            memory = replace(memory, online=online)
        return memory, boxes, choice.scores

    def choose(self, candidates: Candidates, maps: Maps, memory: SiameseMemory) -> Choice:
        """Refine the best proposals and take the one that Eq. 10 scores highest."""
        coarse = candidates.ranking.scores  # (B, A)
        indices, kept = suppress(candidates.boxes, coarse, self.proposals, self.suppression)
        boxes = candidates.boxes.take_along_dim(indices[..., None], 1)  # (B, N, 4)
        refined = self.head.refine(memory.template, maps, boxes, self.search_size, self.align)
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
            discriminator = memory.online.discriminator
            answers = discriminator.score(discriminator.project(features.mT))
            scores = scores + (1 - self.alpha) * answers
        return scores

    def _search(self, frames: Frames, boxes: Tensor) -> tuple[Tensor, Maps]:
        """Search windows (B, 4) around boxes (B, 4) in picture pixels, and the maps of their
        crops."""
        windows = self.search_windows(boxes)
        crops = crop(frames, windows[:, None], self.search_size)[:, 0]  # (B, 3, X, X)
        return windows, self.head.maps(self.backbone(crops))

    # ------------------------------------------------------------------ training

    def loss(self, clip: Clip) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """rpn_loss and refinement_loss of all searches with the first template (section 3.4)."""
        batch, count = clip.searches.shape[:2]
        template = self._template(clip)
        owners = torch.arange(batch, device=clip.searches.device).repeat_interleave(count)
        template = select(template, owners)
        maps = self.head.maps(self.backbone(clip.searches.flatten(0, 1).float()))
        proposals = self.head.propose(template, maps)
        anchors = self.anchors(proposals)
        truths, matches = clip.search_boxes.flatten(0, 1), clip.matches.flatten()
        losses = rpn_loss(proposals, anchors, truths, matches)
        with torch.no_grad():
            boxes = training_proposals(proposals.boxes(anchors), proposals.scores(), truths)
        losses |= refinement_loss(
            self.head, template, maps, boxes, truths, matches, self.search_size, self.align
        )
        return losses, self.seen(proposals.responses().unflatten(0, (batch, count)))

    def _template(self, clip: Clip) -> CRACTTemplate:
        levels = self.backbone(clip.templates[:, 0].float())
        return self.head.template(levels, clip.template_boxes[:, 0], self.template_size)
