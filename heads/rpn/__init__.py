"""The region proposal network of HROM and CRACT (SiamRPN++'s depth-wise one)."""

from heads.rpn.anchors import label_anchors, make_anchors
from heads.rpn.loss import rpn_loss
from heads.rpn.network import RPN, Kernels, Proposals
from heads.rpn.selection import Ranking, rank, smooth_size

__all__ = [
    "RPN",
    "Kernels",
    "Proposals",
    "Ranking",
    "label_anchors",
    "make_anchors",
    "rank",
    "rpn_loss",
    "smooth_size",
]
