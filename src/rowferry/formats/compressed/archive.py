"""ZIP archives: told apart from documents that are packed themselves, and one of their files taken out by its bytes alone."""

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

from rowferry.domain.faults import JobFaultCode, JobStopped, stop
from rowferry.domain.schema import ReadOptions
from rowferry.formats.compressed.choice import choose
from rowferry.formats.compressed.decoding import (
    IN_BYTES,
    Cut,
    Damaged,
    Decoder,
    Read,
    TooWide,
    bare_deflate,
    bzip2_stream,
    one_stream,
    zstd_frame,
)
from rowferry.formats.compressed.entries import ENTRIES_MAX, Entry, TooManyEntries, Unlisted, entries_of
from rowferry.formats.compressed.output import Limits, too_wide, written
from rowferry.ports import Unpacked

BEGINNINGS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
"""A file, the list of no files, the mark of an archive that was cut in parts."""
DOCUMENTS = frozenset({"[Content_Types].xml", "mimetype", "xl/workbook.xml", "xl/workbook.bin", "word/document.xml"})
"""Files that make an archive a document: XLSX and its kin, ODS and its kin."""
HEAD_BYTES = 1 << 16
LOCAL_HEADER = struct.Struct("<4s22xHH")
"""What stands before the bytes of a file: its mark, and how long the name and the rest behind it are. Source: APPNOTE.TXT, 4.3.7."""
STORED = 0
DECODERS: Mapping[int, Callable[[], Decoder]] = {8: bare_deflate, 12: bzip2_stream, 93: zstd_frame}
METHODS = {9: "Deflate64", 14: "LZMA", 95: "xz", 98: "PPMd"}
"""Methods that are not read here, by the names that packers give them. Source: APPNOTE.TXT, 4.4.5."""


class ZipCompression:
    """ZIP archives with one file that can be read, or with one that the option `member` names (ports.Compression).

    Args:
        limits: what may come out.
        readable: whether a file that begins so can be read.
    """

    def __init__(self, limits: Limits, readable: Callable[[bytes], bool]) -> None:
        self._limits, self._readable = limits, readable

    @property
    def name(self) -> str:
        """The word of `source.compression`."""
        return "zip"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Whether it is an archive, and no workbook or other document that is packed itself."""
        return head.startswith(BEGINNINGS) and not _document(path, head)

    def unpack(self, path: Path, options: ReadOptions, scratch: Path, sent_bytes: int) -> Unpacked:
        """The file that is meant, under a name of our own in the scratch folder.

        Raises:
            JobStopped: archive-damaged, archive-content, archive-password, archive-too-large, storage-full.
        """
        entries = _listed(path)
        with path.open("rb") as file:
            entry, why = choose(entries, options.member, partial(self._fit, file))
            _check(entry)
            try:
                unpacked = written(_content(file, entry), self._limits, sent_bytes, scratch)
            except TooWide as error:
                raise too_wide("zstd") from error
            except Cut:
                raise _damaged(f"The file {entry.name} in the archive is cut off.") from None
            except Damaged as damage:
                raise _damaged(f"The file {entry.name} in the archive is damaged.", reason=str(damage)) from damage
            return Unpacked(unpacked, entry.name, why)

    def _fit(self, file: BinaryIO, entry: Entry) -> bool:
        """Whether a file of the archive begins as one that can be read does; one whose beginning cannot be had might be."""
        if entry.encrypted or not _known(entry):
            return True
        head = b""
        try:
            for piece in _content(file, entry):
                head += piece
                if len(head) >= HEAD_BYTES:
                    break
        except (Cut, Damaged, TooWide):
            return True
        return self._readable(head[:HEAD_BYTES])


def _document(path: Path, head: bytes) -> bool:
    if not head.startswith(BEGINNINGS[0]):
        return False  # no reader of documents takes it, and as a text it would be rubbish
    try:
        return any(entry.name in DOCUMENTS for entry in entries_of(path))
    except (TooManyEntries, Unlisted):
        return any(name.encode() in head for name in DOCUMENTS)


def _listed(path: Path) -> Sequence[Entry]:
    try:
        return entries_of(path)
    except Unlisted as error:
        raise _damaged(
            "The list of files at the end of the archive is missing or damaged.", reason=str(error)
        ) from error
    except TooManyEntries:
        raise stop(
            JobFaultCode.ARCHIVE_CONTENT,
            f"The archive lists more than {ENTRIES_MAX} files. Send the file with the rows alone.",
            limit=ENTRIES_MAX,
        ) from None


def _known(entry: Entry) -> bool:
    return entry.method == STORED or entry.method in DECODERS


def _check(entry: Entry) -> None:
    if entry.encrypted:
        raise stop(
            JobFaultCode.ARCHIVE_PASSWORD,
            f"The file {entry.name} in the archive is protected by a password. Pack it without one and send it again.",
            member=entry.name,
        )
    if not _known(entry):
        method = METHODS.get(entry.method, f"number {entry.method}")
        raise stop(
            JobFaultCode.ARCHIVE_CONTENT,
            f"The file {entry.name} in the archive is packed by the method {method}, which is not read here. "
            "Pack it by Deflate, or as gzip or zstd.",
            member=entry.name,
            method=method,
        )


def _content(file: BinaryIO, entry: Entry) -> Iterator[bytes]:
    """The bytes of a file in the archive, in bounded pieces; their number and check sum are compared with those of the list.

    Raises:
        Cut: the archive ends before the file does.
        Damaged: its bytes are none that a packer writes, or others than those that were packed.
    """
    read = _bytes_of(file, entry)
    stored = entry.method == STORED
    pieces = iter(partial(read, IN_BYTES), b"") if stored else one_stream(read, DECODERS[entry.method]())
    count = check_sum = 0
    for piece in pieces:
        count += len(piece)
        check_sum = zlib.crc32(piece, check_sum)
        yield piece
    if (count, check_sum) != (entry.file_bytes, entry.check_sum):
        raise Damaged("its size or check sum is another than the archive says")


def _bytes_of(file: BinaryIO, entry: Entry) -> Read:
    """Reads the packed bytes of a file in the archive, and none behind them."""
    if entry.offset < 0:
        raise Damaged("it begins before the archive does")
    file.seek(entry.offset)
    header = file.read(LOCAL_HEADER.size)
    if len(header) < LOCAL_HEADER.size:
        raise Cut
    mark, name_bytes, more_bytes = LOCAL_HEADER.unpack(header)
    if mark != BEGINNINGS[0]:
        raise Damaged("it is not where the archive says")
    file.seek(name_bytes + more_bytes, 1)
    left = entry.packed_bytes

    def read(size: int) -> bytes:
        nonlocal left
        data = file.read(min(size, left))
        left -= len(data)
        return data

    return read


def _damaged(what: str, reason: str = "") -> JobStopped:
    return stop(
        JobFaultCode.ARCHIVE_DAMAGED,
        f"{what} Nothing was imported. Pack it again and send the whole archive.",
        reason=reason,
    )
