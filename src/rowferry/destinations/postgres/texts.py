"""Values as texts that PostgreSQL reads back, and texts one behind another in one run of bytes: as a column, and in another order."""

# pyarrow brings no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

LF, QUOTE = 10, 34

Ends = npt.NDArray[np.int64]
"""Where each text ends: the offset behind its last byte."""


def spelled(values: pl.Expr, of: pl.DataType) -> pl.Expr:
    """Values of a type as texts that PostgreSQL reads back."""
    if of == pl.Time:
        return values.dt.to_string("%H:%M:%S%.6f")  # a cast would drop the fraction
    return values.cast(pl.String)


def literal(values: pl.Expr, of: pl.DataType) -> pl.Expr:
    """Values of a type as one text[]: a list would be quoted value by value. Source: PostgreSQL, "Array Input and Output Syntax"."""
    text = spelled(values, of).str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
    joined = pl.format('"{}"', text).fill_null("NULL").str.join(",")
    return pl.concat_str(pl.lit("{"), joined, pl.lit("}"))


def ends_of_lines(csv: bytes) -> Ends:
    """Where the records of a CSV text end, behind their LF. Source: RFC 4180, section 2; a record's end has an even number of quotes before it."""
    view = np.frombuffer(csv, np.uint8)
    breaks = np.flatnonzero(view == LF)
    if b'"' in csv:
        breaks = breaks[(np.searchsorted(np.flatnonzero(view == QUOTE), breaks) & 1) == 0]
    return breaks + 1


def ends_by(mark: str, text: bytes) -> Ends:
    """Where texts end that each have the mark, one ASCII character, at their end and nowhere else."""
    return np.flatnonzero(np.frombuffer(text, np.uint8) == ord(mark)) + 1


def column(text: bytes, ends: Ends) -> pl.Series:
    """The texts as a column of bytes, without a copy of them."""
    found = pl.from_arrow(_array(text, ends))
    assert isinstance(found, pl.Series), "an array is a series"  # noqa: S101  # an invariant, as code
    return found


def taken(text: bytes, ends: Ends, order: npt.NDArray[np.integer]) -> memoryview:
    """The texts of these positions, in their order, one behind another."""
    return memoryview(_array(text, ends).take(pa.array(order)).buffers()[2] or b"")


def _array(text: bytes, ends: Ends) -> pa.LargeBinaryArray:
    offsets = np.concatenate((np.zeros(1, np.int64), ends))
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(text)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(ends), buffers)
