"""Thin adapters for libraries that applications work with; each needs its own extra."""
