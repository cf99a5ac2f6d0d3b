"""RAR's head: hierarchical attention (Fig. 5) on every level, then refinement (Fig. 6)."""

from heads.rar.head import RARHead

__all__ = ["RARHead"]
