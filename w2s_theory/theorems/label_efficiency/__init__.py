"""What a gain can be learned from few gold labels (derived here)."""
