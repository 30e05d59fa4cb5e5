"""Ridge students distilled into themselves on a fixed design (derived here, after Das and Sanghavi 2023 and Pareek, Du and Oh 2024)."""
