"""Measurements: what `touchstone bench` prints."""
