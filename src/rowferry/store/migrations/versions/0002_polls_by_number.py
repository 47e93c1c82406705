"""Polls by the number of a job."""

from rowferry.store.migrations import run_file

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds the function."""
    run_file("0002_polls_by_number.sql", "rowferry")
