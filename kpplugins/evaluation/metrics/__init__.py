"""MMEngine metrics over the pure functions."""
