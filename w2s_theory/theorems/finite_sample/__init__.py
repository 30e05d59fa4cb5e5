"""Exact laws for least-squares students on n points, with every hypothesis they need (derived here)."""
