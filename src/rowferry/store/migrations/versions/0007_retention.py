"""What passes its time goes."""

from rowferry.store.migrations import run_file

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Adds the time of before-images, and the indexes by which housekeeping finds what has passed its own."""
    run_file("0007_retention.sql", "rowferry")
