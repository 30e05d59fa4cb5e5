"""Pseudolabel correction: when a student trained on wrong labels is better than they are (derived here, after Lang et al. 2024)."""
