"""A forum of any size, written straight into the tables as its actions would have written it."""
