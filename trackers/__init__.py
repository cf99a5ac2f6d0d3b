"""Backbone + head + what is remembered from frame to frame."""

from trackers.correlation_filter import CorrelationFilterTracker
from trackers.first_box import FirstBox

__all__ = ["CorrelationFilterTracker", "FirstBox"]
