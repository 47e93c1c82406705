"""The list of files of a ZIP archive, read without trust: names are for people only, sizes are claims."""

import io
import stat
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

LIST_BYTES_MAX = 1 << 20
ENTRIES_MAX = 1_000
NAME_CHARACTERS_MAX = 255
ENCRYPTED = 0x2041
"""The bits of a file that is protected, wholly or in part."""
UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"
UNREADABLE = (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, EOFError)
"""What `zipfile` raises over lists that make no sense."""
OWN_FILES = frozenset({"thumbs.db", "desktop.ini"})
"""What Windows leaves in folders; other systems hide theirs behind a point."""


class Unlisted(Exception):
    """The list cannot be read: the archive is cut off or damaged."""


class TooManyEntries(Exception):
    """The archive lists more files than anybody wants to choose from."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in an archive. `name` is fit to be shown: a path with `/`, of printable characters."""

    name: str
    method: int
    encrypted: bool
    offset: int
    packed_bytes: int
    file_bytes: int
    check_sum: int

    @property
    def last_name(self) -> str:
        """The name without folders."""
        return self.name.rpartition("/")[2]

    @property
    def hidden(self) -> bool:
        """Whether a system put it there for itself."""
        last = self.last_name.casefold()
        return "__MACOSX" in self.name.split("/") or last.startswith(".") or last in OWN_FILES


def entries_of(path: Path) -> list[Entry]:
    """The files of an archive, without folders and links.

    Raises:
        Unlisted: there is no list at its end, or none that makes sense.
        TooManyEntries: it is longer than 1,000 files, or than 1 MB.
    """
    try:
        with _Guarded(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
            listed = archive.infolist()
    except UNREADABLE as error:
        raise Unlisted(str(error)) from error
    if len(listed) > ENTRIES_MAX:
        raise TooManyEntries
    return [_entry(info) for info in listed if not info.filename.endswith("/") and not _link(info)]


class _Guarded(io.BufferedReader):
    """A file of which nobody reads much at once: `zipfile` reads the list in one piece, of the length that the archive claims."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > LIST_BYTES_MAX:
            raise TooManyEntries
        return super().read(size)


def _link(info: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(info.external_attr >> 16)


def _entry(info: zipfile.ZipInfo) -> Entry:
    name = "".join(letter if letter.isprintable() else UNPRINTABLE for letter in info.filename) or UNPRINTABLE
    return Entry(
        name=name.replace("\\", "/")[-NAME_CHARACTERS_MAX:],
        method=info.compress_type,
        encrypted=bool(info.flag_bits & ENCRYPTED),
        offset=info.header_offset,
        packed_bytes=info.compress_size,
        file_bytes=info.file_size,
        check_sum=info.CRC,
    )
