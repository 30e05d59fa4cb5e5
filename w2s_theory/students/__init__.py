"""Students: what a strong model may do with weak labels."""
