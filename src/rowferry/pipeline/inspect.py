"""Decides by content which format a file has, refuses what is none, and says out loud what was found."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rowferry.domain.faults import JobFaultCode, JobStopped, stop
from rowferry.domain.schema import ReadOptions
from rowferry.ports import Block, Compression, Format, Inspection, Readers, Unpacked

HEAD_BYTES = 1 << 16
MARKS = (b"\xef\xbb\xbf", b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff", b"\xff\xfe", b"\xfe\xff")
PICTURES = {
    b"\x89PNG\r\n\x1a\n": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"GIF8": "a picture (GIF)",
    b"\x7fELF": "a program",
    b"MZ\x90": "a program",
}
"""Beginnings of files that are no text and never hold a table."""
DOCUMENTS = {
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ\x00": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old workbook (XLS) or another Office document",
    b"PAR1": "a Parquet file",
    b"SQLite format 3\x00": "a SQLite database",
    b"%PDF": "a PDF document",
    b"{": "JSON",
    b"[": "JSON",
}
"""Beginnings of files that may hold a table, in a format that none of ours reads."""
ZIPPED = (
    (b"xl/", "a workbook (XLSX)"),
    (b"opendocument.spreadsheet", "a workbook (ODS)"),
    (b"word/", "a Word document"),
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that is open to be read, unpacked where it was packed; `path` is where its bytes are now."""

    format: Format
    path: Path
    inspection: Inspection
    scratch: Path

    def blocks(self) -> Iterator[Block]:
        """The data rows. Every call cuts alike."""
        return self.format.read(self.path, self.inspection, self.scratch)


def open_file(path: Path, options: ReadOptions, readers: Readers, scratch: Path) -> Opened:
    """Unpacks the file where it is packed, and asks the first of the formats that recognises it what is in it.

    Args:
        path: the file.
        options: what the import states about it; None everywhere: detect.
        readers: all that can read files.
        scratch: a folder of the attempt, where a format may keep what `read` needs.

    Raises:
        JobStopped: empty-file, not-text, unknown-format, or what the format finds wrong with the file as a whole.
    """
    packed, unpacked = _unpacked(path, options, readers.compressions, scratch)
    head = _head(unpacked.path)
    if head in {b"", *MARKS}:
        raise stop(JobFaultCode.EMPTY_FILE, "The file is empty. Send one with a header and rows.")
    for one in readers.formats:
        if one.recognises(head):
            inspection = one.inspect(unpacked.path, options, scratch)
            found = replace(inspection, compression=packed.name if packed else None, member=unpacked.member)
            return Opened(one, unpacked.path, found, scratch)
    raise _unread(head, readers.formats)


def _unpacked(
    path: Path, options: ReadOptions, compressions: Sequence[Compression], scratch: Path
) -> tuple[Compression | None, Unpacked]:
    head = _head(path)
    for one in compressions:
        if one.recognises(path, head):
            return one, one.unpack(path, options, scratch)
    return None, Unpacked(path)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def source(inspection: Inspection) -> Mapping[str, object]:
    """What the job says of its file, beside name, size and digest: the members of `source` that an inspection knows."""
    return {
        "format": inspection.format,
        "compression": inspection.compression,
        "member": inspection.member,
        "sheet": inspection.sheet,
        "sheets": list(inspection.sheets),
        "encoding": inspection.encoding or None,
        "encoding_guessed": inspection.details.get("encoding_guessed", False),
        "delimiter": inspection.delimiter or None,
        "quote": inspection.quote if inspection.delimiter else None,
        "header_line": inspection.header_line,
        "columns": list(inspection.columns),
        "rows": inspection.rows,
        "blank_records": inspection.blank_records,
        "lines_above": inspection.lines_above,
    }


def _unread(head: bytes, formats: Sequence[Format]) -> JobStopped:
    readable = ", ".join(one.name.upper() for one in formats)
    for beginning, picture in PICTURES.items():
        if head.startswith(beginning):
            return stop(JobFaultCode.NOT_TEXT, f"The file is no text: it is {picture}. Send {readable}.", found=picture)
    what = _document(head)
    if what is None:
        return stop(
            JobFaultCode.NOT_TEXT,
            f"The file is no text: it holds too many bytes that no text has. Send {readable}.",
        )
    return stop(
        JobFaultCode.UNKNOWN_FORMAT,
        f"The file is {what}, whatever its name says, and that is not read here. Send {readable}.",
        found=what,
    )


def _document(head: bytes) -> str | None:
    if head.startswith(b"PK"):
        return next((what for inside, what in ZIPPED if inside in head), "a ZIP archive")
    text = head.lstrip()
    if text.startswith(b"<"):
        return "XML" if text.startswith(b"<?xml") else "HTML"
    return next((what for beginning, what in DOCUMENTS.items() if text.startswith(beginning)), None)
