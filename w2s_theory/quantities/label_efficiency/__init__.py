"""How much of a gain is known without gold labels, which labels are needed for the rest, and how many."""
