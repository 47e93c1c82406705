"""Has pyarrow parse well-formed records into text columns, and says which of them have too few or too many cells."""

# pyarrow brings no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv


def parse(data: bytes, delimiter: str, quote: str, width: int) -> tuple[pl.DataFrame, dict[int, int]] | None:
    """The records that have `width` cells, as columns "0", "1", …, and the number of cells of each other record by its index.

    None where pyarrow refuses the data.
    """
    names = [str(position) for position in range(width)]
    ragged: dict[int, int] = {}

    def skip(row: pa_csv.InvalidRow) -> str:
        ragged[row.number - 1] = row.actual_columns
        return "skip"

    try:
        parsed = pa_csv.read_csv(
            pa.py_buffer(data),
            pa_csv.ReadOptions(block_size=len(data) + 1, column_names=names, use_threads=False),
            pa_csv.ParseOptions(
                delimiter=delimiter,
                quote_char=quote or False,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=skip,
            ),
            pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    frame = pl.from_arrow(parsed)
    return (frame, ragged) if isinstance(frame, pl.DataFrame) else None
