"""The sheets of a template of ours, by which its reader knows it."""

TEMPLATE_SHEETS = DATA, NOTES = "Data", "Notes"
"""The first two: for the rows, and what each column takes."""
