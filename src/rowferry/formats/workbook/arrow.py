"""Has pyarrow make texts of bytes that lie side by side."""

# pyarrow brings no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from rowferry.ports import Lines


def texts(data: npt.NDArray[np.uint8], begins: Lines, ends: Lines) -> pl.Series:
    """The texts between these places of UTF-8, in order."""
    sizes = ends - begins
    offsets = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    places = np.repeat(begins - offsets[:-1], sizes) + np.arange(offsets[-1])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data[places])]
    made = pl.from_arrow(pa.Array.from_buffers(pa.large_string(), len(sizes), buffers))
    if not isinstance(made, pl.Series):
        raise TypeError("an array becomes a series")
    return made
