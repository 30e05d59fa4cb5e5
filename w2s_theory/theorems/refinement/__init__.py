"""Refined labels in concept worlds: what a student of the refiner reaches, and what it gains (derived here, after somerstep2025)."""
