"""Writes tables as CSV, JSON Lines, Parquet and workbooks, and the workbooks that people fill in."""
