"""Whose money: accounts and append-only, balanced entries."""
