"""Files of jobs by their blob."""

from rowferry.store.migrations import run_file

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Adds the index."""
    run_file("0005_blobs_by_name.sql", "rowferry")
