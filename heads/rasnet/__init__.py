"""RASNet's head: a correlation weighted by attention (Fig. 1). Without attention it is SiamFC's."""

from heads.rasnet.head import RASNetHead

__all__ = ["RASNetHead"]
