"""Validation without a sample by design: folds matched to a map, figures with intervals and by group.

All of it measures transfer, not map accuracy (Wadoux et al. 2021).
"""
