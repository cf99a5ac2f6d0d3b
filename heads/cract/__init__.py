"""CRACT's head: region proposals, and the cascade of regression, alignment and classification."""

from heads.cract.head import CRACTHead, CRACTTemplate

__all__ = ["CRACTHead", "CRACTTemplate"]
