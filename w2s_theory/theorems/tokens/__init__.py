"""Concepts that are maps to tokens: when weakly labelled examples single out the right one, and what students then learn (derived here)."""
