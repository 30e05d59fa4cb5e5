"""Yao et al. (2025, two papers): risk and calibration of a student lie within a band around the weak model's (constants derived
here)."""
