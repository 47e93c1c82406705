"""The parts of a workbook that is a ZIP archive: found whatever their case, unpacked in bounded pieces, every byte counted."""

import posixpath
import struct
import zipfile
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from rowferry.formats.workbook.limits import Meter, damaged, protected, too_large
from rowferry.formats.workbook.markup import Read, elements

SMALL_BYTES_MAX = 32 << 20
"""Parts that are read whole: the list of sheets, formats, relations."""
DIRECTORY_BYTES_MAX = 8 << 20
TAIL_BYTES = (1 << 16) + 1024
IN_LONG_LIST = 0xFFFFFFFF
ENCRYPTED = 1
"""The flag of an entry that a password protects. Source: APPNOTE.TXT, 4.4.4."""

T = TypeVar("T")


class Package:
    """A workbook's archive, open for reading.

    Raises:
        JobStopped: workbook-damaged.
    """

    def __init__(self, path: Path, meter: Meter) -> None:
        _check_directory(path)
        self._archive = _translated(lambda: zipfile.ZipFile(path))
        self._meter = meter
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in self._archive.infolist():
            if self._entries.setdefault(_plain(entry.filename), entry) is not entry:
                self._archive.close()
                raise damaged(f"it has two parts named {entry.filename}")

    def close(self) -> None:
        """Closes the file."""
        self._archive.close()

    def __contains__(self, name: str) -> bool:
        return _plain(name) in self._entries

    @contextmanager
    def open(self, name: str) -> Generator[Read]:
        """Reads a part piece by piece. Its check sum is compared at its end.

        Raises:
            JobStopped: workbook-damaged, workbook-password, workbook-too-large.
        """
        entry = self._entries.get(_plain(name))
        if entry is None:
            raise damaged(f"the part {name} is missing")
        if entry.flag_bits & ENCRYPTED:
            raise protected()
        with _translated(lambda: self._archive.open(entry)) as part:

            def read(size: int) -> bytes:
                data = _translated(partial(part.read, size))
                self._meter.count(len(data))
                return data

            yield read

    def small(self, name: str) -> bytes:
        """A part as a whole; nothing where it is not there.

        Raises:
            JobStopped: workbook-damaged, workbook-password, workbook-too-large.
        """
        if name not in self:
            return b""
        with self.open(name) as read:
            data = bytearray()
            while piece := read(1 << 16):
                data += piece
                if len(data) > SMALL_BYTES_MAX:
                    raise too_large(f"Its part {name} has more than {SMALL_BYTES_MAX} bytes. Save its rows as CSV.")
        return bytes(data)

    def relations(self, name: str) -> dict[str, tuple[str, str]]:
        """What a part refers to: by id, the last word of its type and the part."""
        folder, last = posixpath.split(name)
        document = self.small(f"{folder}/_rels/{last}.rels".lstrip("/"))
        found: dict[str, tuple[str, str]] = {}
        for element, attributes in elements(document) if document else ():
            if element == "Relationship":
                target = posixpath.normpath(posixpath.join("/", folder, attributes.get("Target", "")))
                sort = attributes.get("Type", "").rpartition("/")[2]
                found[attributes.get("Id", "")] = (sort, target.lstrip("/"))
        return found


def _plain(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()


def _translated(call: Callable[[], T]) -> T:
    try:
        return call()
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise damaged(f"its archive cannot be unpacked ({error})") from error


def _check_directory(path: Path) -> None:
    """The list of the parts must be small before anybody reads it whole. Source: APPNOTE.TXT, 4.3.14 and 4.3.16."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL_BYTES))
        tail = file.read()
    at, found = tail.find(b"PK\x05\x06"), False
    while at >= 0:
        if at + 22 <= len(tail):
            found = True
            (listed,) = struct.unpack_from("<I", tail, at + 12)
            if listed == IN_LONG_LIST:
                listed = _long_list(tail)
            if listed > DIRECTORY_BYTES_MAX:
                raise too_large("Its archive lists more parts than any workbook has. Save its rows as CSV.")
        at = tail.find(b"PK\x05\x06", at + 1)
    if not found:
        raise damaged("its end is missing, so it was cut off on its way or while it was saved")


def _long_list(tail: bytes) -> int:
    at = tail.find(b"PK\x06\x06")
    return int(struct.unpack_from("<Q", tail, at + 40)[0]) if 0 <= at <= len(tail) - 48 else DIRECTORY_BYTES_MAX + 1
