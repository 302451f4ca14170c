"""Structured training: models that a seed and few numbers determine, trained from scratch, quantized and coded.

The six ways of Lotfi et al. ([L24], arXiv 2407.18158; [L24a], arXiv 2312.17173) are in `methods`.
"""
