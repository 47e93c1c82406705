"""What counts against a job when its attempt is lost."""

from rowferry.store.migrations import run_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Puts the function in the place of the earlier one."""
    run_file("0004_housekeeping.sql", "rowferry")
