"""What label refinement leaves undone when the prior over concepts has shifted (derived here, a reconstruction)."""
