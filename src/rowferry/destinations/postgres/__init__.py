"""The destination in our own PostgreSQL: one table a kind, filled in the chunk's own transaction."""

from rowferry.destinations.postgres.loading import PostgresLoader
from rowferry.destinations.postgres.reading import PostgresReading
from rowferry.destinations.postgres.removing import PostgresRemoving, check_choice
from rowferry.destinations.postgres.tables import ensure_table, table_name

__all__ = ["PostgresLoader", "PostgresReading", "PostgresRemoving", "check_choice", "ensure_table", "table_name"]
