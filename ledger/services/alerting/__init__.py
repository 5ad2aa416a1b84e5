"""Alerts: what the scans give away, kept, told, and judged by people."""
