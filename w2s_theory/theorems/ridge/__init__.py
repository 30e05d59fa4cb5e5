"""Ridge students, the ones people really use (derived here)."""
