"""Brings a database from any earlier shape to the present one, by numbered SQL files."""

from pathlib import Path

import psycopg
from alembic import op

HERE = Path(__file__).parent


def run_file(name: str, search_path: str) -> None:
    """Runs one SQL file inside the migration's transaction.

    Args:
        name: the file in this folder; it may hold many statements.
        search_path: the schema in which names without one are made.
    """
    connection = op.get_bind().connection.driver_connection
    if not isinstance(connection, psycopg.Connection):
        raise TypeError("migrations run by psycopg")
    connection.execute("select set_config('search_path', %s, true)", (search_path,))
    # As bytes and without parameters: the file is sent as it stands, all its statements at once.
    connection.execute((HERE / name).read_bytes())
