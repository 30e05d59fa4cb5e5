"""Performance gap recovered: what choosing runs and dropping pairs by noisy measurements does to it (derived here)."""
