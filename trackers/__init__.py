"""Backbone + head + what is remembered from frame to frame."""

from trackers.correlation_filter import CorrelationFilterTracker
from trackers.cract import CRACTTracker
from trackers.first_box import FirstBox
from trackers.region_proposal import RegionProposalTracker
from trackers.scale_pyramid import ScalePyramidTracker

__all__ = [
    "CRACTTracker",
    "CorrelationFilterTracker",
    "FirstBox",
    "RegionProposalTracker",
    "ScalePyramidTracker",
]
