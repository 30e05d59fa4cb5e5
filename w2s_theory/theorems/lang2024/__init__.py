"""Pseudolabel correction and coverage expansion with students that are robust on average (derived here, after Lang et al. 2024)."""
