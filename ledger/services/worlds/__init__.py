"""Worlds of scans: played, simulated, stored."""
