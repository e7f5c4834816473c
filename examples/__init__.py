"""Programs that embed paidflow; each has its own test."""
