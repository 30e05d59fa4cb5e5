"""Charikar, Pabbaraju & Shiragur (2024), "Quantifying the Gain in Weak-to-Strong Generalization": misfit quantifies gain."""
