"""The original protocol: losses on weak labels, errors that neighbours repair, and errors that they do not (after Burns et al. 2023)."""
