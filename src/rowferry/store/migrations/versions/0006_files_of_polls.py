"""Files of polls without a detour."""

from rowferry.store.migrations import run_file

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Makes the function anew."""
    run_file("0006_files_of_polls.sql", "rowferry")
