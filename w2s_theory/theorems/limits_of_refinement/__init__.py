"""Where refinement fails: concepts confused, ties, targets that mix concepts, concepts that bend (derived here, after somerstep2025)."""
