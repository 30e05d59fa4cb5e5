"""Which concept a refiner settles on, and how fast the weight of wrong concepts decays (derived here, after somerstep2025)."""
