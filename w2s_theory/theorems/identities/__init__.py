"""Exact identities between gain and misfit for any three predictors (derived here)."""
