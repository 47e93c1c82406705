"""Who logs in with a password; mappings and documents of tenants."""

from rowferry.store.migrations import run_file

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds the tables and the function."""
    run_file("0003_people.sql", "rowferry")
