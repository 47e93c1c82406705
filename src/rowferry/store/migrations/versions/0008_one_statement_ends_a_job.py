"""One statement ends a job."""

from rowferry.store.migrations import run_file

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Makes the function anew, with the count of the chunks; one that does not say it, of an attempt that began before, ends its job as it did."""
    run_file("0008_one_statement_ends_a_job.sql", "rowferry")
