"""Rowferry: bulk imports and background jobs, with a ledger that adds up."""

__version__ = "0.1.0"
