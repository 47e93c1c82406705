"""Opens a Parquet file under limits that hold whatever its footer says, and gives its record batches in flat memory."""

# pyarrow brings no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from rowferry.formats.parquet.compact import Damaged
from rowferry.formats.parquet.footer import FOOTER_BYTES_MAX, damaged, encrypted, groups_of, too_large
from rowferry.formats.parquet.pages import Pages, Walk
from rowferry.formats.parquet.texts import added, sizes

CONTAINER_MAX = 2_000_000
NESTED_VALUES_MAX = 16_000_000
"""Values of a nested column in one row group: all of them may be those of one row."""
NESTED_BYTES = 16
BATCH_BYTES = 2 << 20
"""What a batch has on the average, as it lies in the pages."""
BATCH_BYTES_MAX = 32 << 20
"""What a batch has at most, where all its rows have the longest values."""
BATCH_ROWS_MAX = 1 << 16
PIECE_BYTES = 4 << 20
BUFFER_BYTES = 1 << 16
ROWS_MAX = 1 << 31


@dataclass(frozen=True, slots=True)
class Leaves:
    """The leaf columns of a column of the table, by their places in the file, and how wide their values are at most."""

    first: int
    count: int
    nested: bool
    uuid: bool

    @property
    def places(self) -> list[int]:
        return list(range(self.first, self.last))

    @property
    def last(self) -> int:
        """The place behind the last of them."""
        return self.first + self.count


class Source:
    """A Parquet file that is open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._groups = groups_of(path)
        with translated():
            self._file = _opened(path)
            self.schema = self._file.schema_arrow
            self.leaves = _leaves(self.schema, self._file)
            if any(len(one.columns) != self.leaves[-1].last for one in self._groups if self.leaves):
                raise Damaged("a row group lacks columns")

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        with translated():
            return list(self.schema.names)

    @property
    def groups(self) -> int:
        """How many row groups there are."""
        return len(self._groups)

    def rows_of(self, group: int) -> int:
        """How many rows a row group has."""
        return self._groups[group].rows

    def planned(self, pages_bytes_max: int) -> list[int]:
        """Looks at every page's header, and gives how many rows of each row group are read at once so that memory stays flat.

        Raises:
            JobStopped: parquet-damaged, parquet-encrypted, parquet-too-large.
        """
        batch_rows = list[int]()
        with translated(), self._path.open("rb") as file:
            if sum(group.rows for group in self._groups) > ROWS_MAX:
                raise too_large(f"It says that it has more than {ROWS_MAX} rows.", ROWS_MAX)
            walk = Walk(file, pages_bytes_max)
            for at, group in enumerate(self._groups):
                found = [walk.pages(stored) for stored in group.columns]
                self._check(at, found, pages_bytes_max)
                batch_rows.append(self._batch_rows(at, found))
        return batch_rows

    def batches(self, group: int, rows: int, columns: Sequence[int] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows of a row group, at most so many at once; `columns` by their places, None: all."""
        wanted = None if columns is None else [leaf for at in columns for leaf in self.leaves[at].places]
        with translated():
            yield from self._file.reader.iter_batches(
                rows, row_groups=[group], column_indices=wanted, use_threads=False
            )

    # Limits -----------------------------------------------------------------------------------------------------------

    def _check(self, group: int, found: Sequence[Pages], pages_bytes_max: int) -> None:
        held = sum(pages.at_once for pages in found)
        for leaves in self.leaves:
            values = [found[at].values for at in leaves.places]
            if leaves.nested and max(values, default=0) > NESTED_VALUES_MAX:
                raise too_large(
                    f"The row group {group + 1} has {max(values)} values in a nested column, at most {NESTED_VALUES_MAX} are taken.",
                    NESTED_VALUES_MAX,
                )
            held += sum(NESTED_BYTES * count for count in values) if leaves.nested else 0
        if held > pages_bytes_max:
            raise too_large(
                f"The row group {group + 1} needs {held} bytes at once, since its pages unpack to so much; at most {pages_bytes_max} "
                "are taken.",
                pages_bytes_max,
            )

    def _batch_rows(self, group: int, found: Sequence[Pages]) -> int:
        rows, usual, longest = max(self.rows_of(group), 1), 1.0, 1.0
        for leaf, pages in enumerate(found):
            width = max(8.0, pages.per_value, float(self._file.metadata.schema.column(leaf).length))
            per_row = max(1.0, pages.values / rows)
            usual += width * per_row
            longest += max(width, float(pages.longest)) * per_row
        return max(1, min(BATCH_ROWS_MAX, int(BATCH_BYTES / usual), int(BATCH_BYTES_MAX / longest)))


def pieces(batch: pa.RecordBatch) -> Iterator[tuple[pa.RecordBatch, npt.NDArray[np.int64]]]:
    """A batch in parts of some megabytes of text, and how many bytes each row takes. One row may take more."""
    with translated():
        row_bytes = added([sizes(column) for column in batch.columns])
    ends = np.cumsum(row_bytes)
    start = 0
    while start < batch.num_rows:
        before = int(ends[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(ends, before + PIECE_BYTES, side="right")))
        yield batch.slice(start, end - start), row_bytes[start:end]
        start = end


@contextmanager
def translated() -> Generator[None]:
    """What the library says of a file that it cannot read, in our words."""
    try:
        yield
    except Damaged as fault:
        raise damaged(str(fault)) from fault
    except (pa.ArrowException, OSError, ValueError, OverflowError, KeyError, IndexError, RuntimeError) as fault:
        words = str(fault).splitlines()[0][:200] if str(fault) else type(fault).__name__
        if "crypt" in words.lower():
            raise encrypted() from fault
        raise damaged(words) from fault


def _opened(path: Path) -> pq.ParquetFile:
    return pq.ParquetFile(
        path,
        pre_buffer=False,
        buffer_size=BUFFER_BYTES,
        coerce_int96_timestamp_unit="us",
        thrift_string_size_limit=FOOTER_BYTES_MAX,
        thrift_container_size_limit=CONTAINER_MAX,
    )


def _leaves(schema: pa.Schema, file: pq.ParquetFile) -> list[Leaves]:
    found, first = list[Leaves](), 0
    for field in schema:
        count = _leaf_count(field.type)
        uuid = count == 1 and str(file.metadata.schema.column(first).logical_type.type) == "UUID"
        found.append(Leaves(first, count, pa.types.is_nested(field.type), uuid))
        first += count
    if first != file.metadata.num_columns:
        raise Damaged("its columns are not those that it says it has")
    return found


def _leaf_count(kind: pa.DataType) -> int:
    if pa.types.is_nested(kind):
        return sum(_leaf_count(kind.field(at).type) for at in range(kind.num_fields))
    return 1
