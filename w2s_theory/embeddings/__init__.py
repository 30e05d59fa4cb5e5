"""Frozen models and the features they make of real data."""
