"""The side that does: attempts at jobs, their processes, and what is due by the clock."""
