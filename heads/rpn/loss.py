"""What the region proposal network learns."""

import torch
import torch.nn.functional as F
from torch import Tensor

from heads.rpn.anchors import label_anchors
from heads.rpn.network import Proposals
from ops.boxes import encode_offsets
from ops.ranks import counts_per_rank


def rpn_loss(
    proposals: Proposals,
    anchors: Tensor,
    boxes: Tensor,
    matches: Tensor,
    keys: Tensor,
) -> dict[str, Tensor]:
    """Classification and regression, to be added up 1:1 (HROM, section 4.1).

    Args:
        proposals: of B search regions.
        anchors: (A, 4), and boxes: (B, 4), in search crop pixels.
        matches: (B,) bool, False for a negative pair (see `label_anchors`).
        keys: (B,) int64, of the draws.

    Returns:
        classification: cross entropy, the mean over the anchors learned as target and that over
            those learned as background, half each. Decision, as SiamRPN++'s code: of 64 anchors
            often only one or two are the target's.
        regression: smooth L1 of the four offsets, summed (SiamRPN, section 3.3), the mean over the
            anchors learned as target; 0 without any.

        Means are over all ranks' anchors, see ops.ranks.
    """
    labels = label_anchors(anchors, boxes, matches, keys)  # (B, A)
    logits, offsets = proposals.logits.float(), proposals.offsets.float()
    entropies = F.cross_entropy(logits.transpose(1, 2), labels.clamp(min=0), reduction="none")
    wanted = encode_offsets(boxes[:, None], anchors)  # (B, A, 4)
    distances = F.smooth_l1_loss(offsets, wanted, reduction="none").sum(-1)
    targets, background = labels == 1, labels == 0
    learned = torch.stack([targets.sum(), background.sum()])
    target_count, background_count = counts_per_rank(learned)
    target_entropy = (entropies * targets).sum() / target_count
    background_entropy = (entropies * background).sum() / background_count
    return {
        "classification": (target_entropy + background_entropy) / 2,
        "regression": (distances * targets).sum() / target_count,
    }
