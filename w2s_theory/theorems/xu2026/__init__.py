"""Xu et al. (2026): expected gain equals expected misfit for the posterior mean of a random teacher, without convexity (derived
here)."""
