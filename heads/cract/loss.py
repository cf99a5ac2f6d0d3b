"""What CRACT's box regressor and identifier learn (section 3.4)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from heads.cract.head import CRACTHead, CRACTTemplate, Maps
from heads.cract.proposals import suppress
from heads.cract.samples import draw_around
from ops.boxes import encode_offsets, overlap
from ops.random import uniform
from ops.ranks import counts_per_rank

THRESHOLD = 0.5  # overlap above which a proposal is the target, for both
MOST = 16  # positives, and as many negatives: 32 in all


def training_proposals(boxes: Tensor, scores: Tensor, truths: Tensor, keys: Tensor) -> Tensor:
    """Proposals (B, N, 4) to learn from, of which `refinement_loss` chooses.

    The 32 best of the region proposal network, boxes (B, A, 4) and scores (B, A), after
    non-maximum suppression at 0.7; tracking ranks its own after penalty and window, which know of a
    last frame. Then as many drawn, with keys (B,), around the truths (B, 4) (decision: Faster R-CNN
    adds the truth itself, so that there are positives from the start).
    """
    chosen, _ = suppress(boxes, scores, 2 * MOST, 0.7)
    drawn = draw_around(keys, truths, 2 * MOST)
    return torch.cat([boxes.take_along_dim(chosen[..., None], 1), drawn], 1)


def refinement_loss(
    head: CRACTHead,
    template: CRACTTemplate,
    maps: Maps,
    proposals: Tensor,
    truths: Tensor,
    matches: Tensor,
    keys: Tensor,
    crop_size: int,
    align: bool = True,
) -> dict[str, Tensor]:
    """Losses of up to 16 positive and 16 negative proposals, drawn at random, of each pair.

    Decision: as in tracking, the identifier sees the proposals where the regressor moved them, and
    learns what they overlap there (without alignment: where they were).

    Args:
        proposals: (B, N, 4), and truths: (B, 4), in search crop pixels.
        matches: (B,) bool; where False the truth is another object's, no proposal is positive and
            those on it are the ones to tell apart.
        keys: (B,) int64, of the draws, others than `training_proposals` had.

    Returns:
        box_regression: smooth L1 of the four normalised offsets, summed, the mean over the
            positives; 0 without any.
        identification: cross entropy, the mean over all that were drawn.

        Means are over all ranks' proposals, see ops.ranks.
    """
    positive = (overlap(proposals, truths[:, None]) > THRESHOLD) & matches[:, None]  # (B, N)
    draws = uniform(keys, proposals.shape[1])
    indices, drawn = zip(_draw(positive, draws), _draw(~positive, draws), strict=True)
    drawn = torch.cat(drawn, 1)  # (B, 2 MOST)
    boxes = proposals.take_along_dim(torch.cat(indices, 1)[..., None], 1)
    regressed = drawn & (torch.arange(drawn.shape[1], device=drawn.device) < indices[0].shape[1])

    refined = head.refine(template, maps, boxes, crop_size, align)
    wanted = encode_offsets(truths[:, None], boxes)  # (B, 2 MOST, 4)
    normalized = head.regressor.normalized
    distances = F.smooth_l1_loss(
        normalized(refined.offsets), normalized(wanted), reduction="none"
    ).sum(-1)
    distances = distances.where(regressed, 0)  # not multiplied: far boxes' may be infinite

    logits = head.identifier(refined.features, template.target)
    places = refined.boxes if align else boxes
    labels = (overlap(places, truths[:, None]) > THRESHOLD) & matches[:, None]
    entropies = F.cross_entropy(logits.transpose(1, 2), labels.long(), reduction="none")
    learned = torch.stack([regressed.sum(), drawn.sum()])
    regressed_count, drawn_count = counts_per_rank(learned)
    return {
        "box_regression": distances.sum() / regressed_count,
        "identification": (entropies * drawn).sum() / drawn_count,
    }


def _draw(candidates: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
    """Of candidates (B, N) the up to MOST with the highest draws: indices, and which are some."""
    values, indices = torch.where(candidates, draws, -1).topk(min(MOST, candidates.shape[1]))
    return indices, values >= 0
