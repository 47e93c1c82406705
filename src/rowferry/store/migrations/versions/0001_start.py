"""The first shape: the engine's tables in `queue`, ours in `rowferry`."""

from rowferry.store.migrations import run_file

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes everything."""
    run_file("0001_queue.sql", "queue")
    run_file("0001_start.sql", "rowferry")
