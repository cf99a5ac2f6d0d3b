"""HROM's head: multi-level representation, object-aware masks, deformable region proposals."""

from heads.hrom.head import HROMHead, HROMTemplate
from heads.hrom.masks import ChannelMask, SpatialMask
from heads.hrom.representation import Representation

__all__ = ["ChannelMask", "HROMHead", "HROMTemplate", "Representation", "SpatialMask"]
