"""What the two binary formats of workbooks, XLS and XLSB, have in common: compact numbers, errors, numbers as text."""

import struct

from rowferry.formats.workbook.shapes import Sort

ERRORS = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}
"""Source: [MS-XLS] 2.5.10."""
EXACT = 10**15
_DOUBLE = struct.Struct("<d")


def real(data: bytes, at: int) -> str:
    """The text of a double."""
    (value,) = _DOUBLE.unpack_from(data, at)
    return spelled(value)


def compact(number: int) -> str:
    """The text of a number in four bytes: a whole one, or the upper half of a double; either in hundredths or not. Source: [MS-XLS] 2.5.217."""
    if number & 2:
        value = float((number >> 2) - (1 << 30 if number & 0x80000000 else 0))
    else:
        (value,) = _DOUBLE.unpack(b"\0\0\0\0" + struct.pack("<I", number & 0xFFFFFFFC))
    return spelled(value / 100 if number & 1 else value)


def spelled(value: float) -> str:
    """A number as the shortest text that stands for it."""
    return str(int(value)) if value.is_integer() and abs(value) < EXACT else repr(value)


def error(code: int) -> str:
    """The word for an error."""
    return ERRORS.get(code, "#ERROR!")


def sort_of_style(styles: list[Sort], style: int) -> Sort:
    """What a number of a style is."""
    return styles[style] if style < len(styles) else Sort.NUMBER
