"""Problems: what nature fixes, as frozen values that can be sampled and asked about their assumptions."""
