"""Mulgund & Pabbaraju (2025), "Relating Misfit to Gain in Weak-to-Strong Generalization Beyond the Squared Loss": Bregman divergences."""
