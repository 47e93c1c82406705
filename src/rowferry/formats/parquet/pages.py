"""What a Parquet file's pages really take, read from their own headers, since the footer may say anything."""

# pyarrow brings no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import BinaryIO

import pyarrow as pa

from rowferry.formats.parquet.compact import Compact, Damaged, Value, number
from rowferry.formats.parquet.footer import Stored, too_large

HEADER_BYTES = 1 << 13
HEADER_BYTES_MAX = 1 << 24
"""A page's header holds the least and greatest value of the page, and those may be long."""
DELTA_BYTE_ARRAY = 7
"""The encoding in which each text says how much of the one before it begins with: a small page may become a very large one."""
DATA_PAGE, INDEX_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2 = range(4)
BYTE_ARRAY = 6
CODECS = {1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4_raw"}
DICTIONARY_BYTES_MAX = 8 << 20
"""In a larger dictionary its longest value is not looked for: it is taken for one that is as long as all of them."""


@dataclass(frozen=True, slots=True)
class Pages:
    """What the pages of a column in one row group come to. Sizes are bytes when unpacked.

    `packed` is the largest page as stored, `page` the largest unpacked, `dictionary` that with the distinct values. A value takes on the average of
    a page at most `per_value` bytes as it lies there; what it becomes has at most `longest`, as far as that does not show in the pages.
    """

    packed: int = 0
    page: int = 0
    dictionary: int = 0
    values: int = 0
    per_value: float = 0.0
    longest: int = 0

    @property
    def at_once(self) -> int:
        """Bytes that are held while a page is read."""
        return self.packed + self.page + self.dictionary


class Walk:
    """Walks over the pages of a file without unpacking one that holds rows."""

    def __init__(self, file: BinaryIO, page_bytes_max: int) -> None:
        self._file = file
        self._page_bytes_max = page_bytes_max

    def pages(self, stored: Stored) -> Pages:
        """Those of a column in one row group, as far as a reader goes that wants so many values.

        Raises:
            Damaged: the pages end before so many values, or a header is none.
            JobStopped: parquet-too-large.
        """
        found, at, end = Pages(), stored.start, stored.start + stored.length
        while at < end and found.values < stored.values:
            header, size = self._header(at, end)
            packed, page = number(header, 3), number(header, 2)
            if page > self._page_bytes_max:
                raise too_large(
                    f"A page unpacks to {page} bytes; at most {self._page_bytes_max} are taken.", self._page_bytes_max
                )
            if at + size + packed > end:
                raise Damaged("a page goes on behind the end of its column")
            found = replace(found, packed=max(found.packed, packed))
            if header.get(1) == DICTIONARY_PAGE:
                longest = self._longest(stored, at + size, packed, page)
                found = replace(found, dictionary=max(found.dictionary, page), longest=max(found.longest, longest))
            elif header.get(1) in (DATA_PAGE, DATA_PAGE_V2):
                found = _with(found, header, page)
            at += size + packed
        if found.values < stored.values:
            raise Damaged("a column has fewer values than the footer says")
        return found

    def _header(self, at: int, end: int) -> tuple[dict[int, Value], int]:
        """The header of the page at a place, and its length."""
        size = HEADER_BYTES
        while True:
            self._file.seek(at)
            data = self._file.read(min(size, end - at))
            try:
                reader = Compact(data)
                return reader.struct(), reader.at
            except IndexError:
                if len(data) < size or size >= HEADER_BYTES_MAX:
                    raise Damaged("a page's header does not end") from None
                size *= 8

    def _longest(self, stored: Stored, at: int, packed: int, page: int) -> int:
        """How many bytes the longest of the distinct values has, where they may be of any length: all rows may have it."""
        if stored.type != BYTE_ARRAY:
            return 0
        if page > DICTIONARY_BYTES_MAX or (stored.codec and stored.codec not in CODECS):
            return page
        self._file.seek(at)
        data = self._file.read(packed)
        if stored.codec:
            data = pa.Codec(CODECS[stored.codec]).decompress(data, page, asbytes=True)
        longest = begin = 0
        while begin + 4 <= len(data):
            length = int.from_bytes(data[begin : begin + 4], "little")
            longest = max(longest, length)
            begin += 4 + length
        return min(longest, page)


def _with(found: Pages, header: Mapping[int, Value], page: int) -> Pages:
    second = header.get(1) == DATA_PAGE_V2
    data = header.get(8 if second else 5)
    if not isinstance(data, dict):
        raise Damaged("a page does not say what is in it")
    values = number(data, 1)
    prefixed = data.get(4 if second else 2) == DELTA_BYTE_ARRAY
    return replace(
        found,
        page=max(found.page, page),
        values=found.values + values,
        per_value=max(found.per_value, page / max(values, 1)),
        longest=max(found.longest, page if prefixed else 0),
    )
