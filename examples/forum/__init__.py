"""A forum in a browser: every write is a paid action. ``make demo`` opens it."""
