"""The two connections of an executor, kept from one attempt to the next: a fresh backend has to read and plan everything anew."""

from collections.abc import Generator
from contextlib import contextmanager

from psycopg.pq import TransactionStatus

from rowferry.store import database
from rowferry.store.database import Connection, Database, Role


class Connections:
    """Connections of `rowferry_loader`; an attempt that does not end well takes them with it."""

    def __init__(self, where: Database) -> None:
        self._where = where
        self._kept: list[Connection] = []

    @contextmanager
    def pair(self) -> Generator[tuple[Connection, Connection]]:
        """Two connections with no transaction open: for the chunks, and, committing by itself, for what is said besides them.

        Raises:
            Gone: the database does not answer.
        """
        kept, self._kept = self._kept, []
        if len(kept) != 2 or not all(map(database.quiet, kept)):  # noqa: PLR2004  # a pair
            _close(kept)
            kept = [database.connect(self._where, Role.LOADER, autocommit=itself) for itself in (False, True)]
        well = False
        try:
            yield kept[0], kept[1]
            well = all(one.info.transaction_status is TransactionStatus.IDLE for one in kept)
        finally:
            if well:
                self._kept = kept
            else:
                _close(kept)

    def close(self) -> None:
        """Lets go of what is kept."""
        kept, self._kept = self._kept, []
        _close(kept)


def _close(connections: list[Connection]) -> None:
    for one in connections:
        one.close()
