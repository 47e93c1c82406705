"""Makes a text column of tokens that lie one behind another."""

# pyarrow brings no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import numpy as np
import polars as pl
import pyarrow as pa

from rowferry.ports import Lines


def texts(data: bytes, lengths: Lines) -> pl.Series:
    """The texts, which are UTF-8 all together, as a String column."""
    offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
    array = pa.LargeStringArray.from_buffers(len(lengths), pa.py_buffer(offsets), pa.py_buffer(data))
    made = pl.from_arrow(array)
    return made if isinstance(made, pl.Series) else pl.Series(dtype=pl.String)
