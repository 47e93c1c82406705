"""Compound files, in which XLS workbooks live and whatever a password protects: their streams, read by chains of sectors."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from rowferry.formats.workbook.limits import damaged

HEADER = struct.Struct("<28xHH16xI4xII4xI")
"""The order of bytes, the size of a sector, and where the lists begin. Source: [MS-CFB] 2.2."""
IN_HEADER = 109
"""How many sectors of the allocation table the header itself names."""
SECTORS_MAX = 1 << 24
ENTRY_BYTES = 128
ENTRIES_MAX = 1 << 14
LAST = 0xFFFFFFFA
"""From here on numbers name no sector: end of a chain, free, and so on."""
SMALL_SHIFT = 6
NEIGHBOURS_MAX = 128
"""Sectors that are read at once at most."""
STREAM, ROOT = 2, 5

Table = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    kind: int
    start: int
    size: int


class Compound:
    """A compound file that is open.

    Raises:
        JobStopped: workbook-damaged.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        try:
            self._open(path.stat().st_size)
        except BaseException:
            self._file.close()
            raise

    def _open(self, size: int) -> None:
        head = self._file.read(512)
        if len(head) < 512:  # noqa: PLR2004  # the size of the header
            raise damaged("it is shorter than the head of its format")
        order, shift, directory, cutoff, small, more = HEADER.unpack_from(head)
        if order != 0xFFFE or shift not in {9, 12}:  # noqa: PLR2004  # [MS-CFB] 2.2: its byte order and its two sector sizes
            raise damaged("its head is none of its format")
        self._sector_bytes, self._cutoff = 1 << shift, cutoff
        self._sectors = min(size // self._sector_bytes, SECTORS_MAX)
        self._table = self._allocation(head, more)
        self._entries = list(self._directory(directory))
        root = next((one for one in self._entries if one.kind == ROOT), None)
        small_sectors = self._chain(small)
        joined = b"".join(self._sector(one) for one in small_sectors.tolist())
        self._small_table: Table = np.frombuffer(joined, "<u4").astype(np.uint32)
        self._small_home = self._chain(root.start) if root else np.empty(0, np.uint32)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    @property
    def names(self) -> set[str]:
        """The names of all streams."""
        return {entry.name for entry in self._entries if entry.kind == STREAM}

    def stream(self, name: str) -> "Stream":
        """A stream by its name."""
        entry = next(one for one in self._entries if one.name == name and one.kind == STREAM)
        if entry.size < self._cutoff:
            small = _followed(self._small_table, entry.start)
            per = self._sector_bytes >> SMALL_SHIFT
            if len(small) and int(small.max()) // per >= len(self._small_home):
                raise damaged("a stream of it leads nowhere")
            home = self._small_home[small // per].astype(np.int64)
            places = (home + 1) * self._sector_bytes + (small % per).astype(np.int64) * (1 << SMALL_SHIFT)
            return Stream(self._file, places, 1 << SMALL_SHIFT, entry.size)
        places = (self._chain(entry.start).astype(np.int64) + 1) * self._sector_bytes
        return Stream(self._file, places, self._sector_bytes, entry.size)

    def _allocation(self, head: bytes, more: int) -> Table:
        """Which sector follows which."""
        named = list(struct.unpack_from(f"<{IN_HEADER}I", head, 76))
        seen = 0
        while more < LAST and seen <= self._sectors:
            further = struct.unpack(f"<{self._sector_bytes // 4}I", self._sector(more))
            named += further[:-1]
            more, seen = further[-1], seen + 1
        own = [one for one in named if one < LAST][: self._sectors // (self._sector_bytes // 4) + 1]
        return np.frombuffer(b"".join(map(self._sector, own)), "<u4").astype(np.uint32)

    def _directory(self, start: int) -> Iterator[_Entry]:
        per = self._sector_bytes // ENTRY_BYTES
        for sector in self._chain(start)[: ENTRIES_MAX // per].tolist():
            data = self._sector(sector)
            for at in range(0, len(data) - ENTRY_BYTES + 1, ENTRY_BYTES):
                size_of_name, kind = struct.unpack_from("<HB", data, at + 64)
                name = data[at : at + min(max(size_of_name - 2, 0), 62)].decode("utf-16-le", "replace")
                first, size = struct.unpack_from("<II", data, at + 116)
                yield _Entry(name, kind, first, size)

    def _chain(self, start: int) -> Table:
        return _followed(self._table, start)

    def _sector(self, number: int) -> bytes:
        self._file.seek((number + 1) * self._sector_bytes)
        data = self._file.read(self._sector_bytes)
        if not data:
            raise damaged("it is cut off, or a part of it leads nowhere")
        return data.ljust(self._sector_bytes, b"\0")


class Stream:
    """A stream: bytes from any place on, in pieces."""

    def __init__(self, file: BinaryIO, places: npt.NDArray[np.int64], sector_bytes: int, size: int) -> None:
        self._file, self._places, self._sector_bytes = file, places, sector_bytes
        self.size = min(size, len(places) * sector_bytes)

    def pieces(self, start: int) -> Iterator[bytes]:
        """The bytes from a place on."""
        index, skip = divmod(start, self._sector_bytes)
        while index < len(self._places) and index * self._sector_bytes < self.size:
            place, end = int(self._places[index]), self._neighbours(index)
            self._file.seek(place)
            data = self._file.read((end - index) * self._sector_bytes)[: self.size - index * self._sector_bytes]
            if not data:
                return
            yield data[skip:]
            index, skip = end, 0

    def _neighbours(self, first: int) -> int:
        """The end of the sectors that lie side by side in the file."""
        near = self._places[first : first + NEIGHBOURS_MAX]
        apart = np.flatnonzero(np.diff(near) != self._sector_bytes)
        return first + (int(apart[0]) + 1 if len(apart) else len(near))


def _followed(table: Table, start: int) -> Table:
    """The chain of sectors that begins with this one."""
    chain = list[int]()
    while start < LAST:
        if start >= len(table) or len(chain) > len(table):
            raise damaged("a chain of its sectors leads nowhere or in a circle")
        chain.append(start)
        start = int(table[start])
    return np.array(chain, np.uint32)
