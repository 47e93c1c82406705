"""Decides by content which format a file has, refuses what is none, and says out loud what was found."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rowferry.domain.faults import JobFaultCode, JobStopped, stop
from rowferry.domain.schema import ReadOptions
from rowferry.ports import Block, Compression, Format, Inspection, Readers, Unpacked

HEAD_BYTES = 1 << 16
LAYERS_MAX = 2
"""How often a file may be packed: once, and once more with something else."""
MARKS = (b"\xef\xbb\xbf", b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff", b"\xff\xfe", b"\xfe\xff")
PICTURES = {
    b"\x89PNG\r\n\x1a\n": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"GIF8": "a picture (GIF)",
    b"\x7fELF": "a program",
    b"MZ\x90": "a program",
}
"""Beginnings of files that are no text and never hold a table."""
ARCHIVES = {
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ\x00": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"PK": "a ZIP archive",
}
"""Beginnings of files in which others are packed."""
TAR = (257, b"ustar")
"""Where a TAR archive says that it is one, and how."""
DOCUMENTS = {
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old workbook (XLS) or another Office document",
    b"PAR1": "a Parquet file",
    b"SQLite format 3\x00": "a SQLite database",
    b"%PDF": "a PDF document",
    b"{": "JSON",
    b"[": "JSON",
}
"""Beginnings of files that may hold a table, in a format that none of ours reads."""
HTML = "HTML"
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
    unpacked, packings = _unpacked(path, options, readers.compressions, scratch)
    head = _head(unpacked.path)
    if head in {b"", *MARKS}:
        raise stop(JobFaultCode.EMPTY_FILE, f"{_called(unpacked, packings)} is empty. Send one with a header and rows.")
    for one in readers.formats:
        if one.recognises(head):
            inspection = one.inspect(unpacked.path, options, scratch)
            return Opened(one, unpacked.path, _with_packing(inspection, unpacked, packings), scratch)
    raise _unread(_called(unpacked, packings), head, readers)


def _unpacked(
    path: Path, options: ReadOptions, compressions: Sequence[Compression], scratch: Path
) -> tuple[Unpacked, Sequence[str]]:
    """The file without its packings, and their names, the outer one first."""
    sent_bytes = path.stat().st_size
    found, packings = Unpacked(path), list[str]()
    while (one := _packing(found.path, compressions)) is not None:
        if one.name in packings or len(packings) == LAYERS_MAX:
            raise stop(
                JobFaultCode.ARCHIVE_CONTENT,
                f"{_called(found, packings)} is an archive once more ({one.name}). Unpack it and send what is in it.",
                packed=[*packings, one.name],
            )
        inner = one.unpack(found.path, options, scratch, sent_bytes)
        if packings:
            found.path.unlink()
        found = Unpacked(inner.path, inner.member or found.member, inner.reason or found.reason)
        packings.append(one.name)
    return found, packings


def _packing(path: Path, compressions: Sequence[Compression]) -> Compression | None:
    head = _head(path)
    return next((one for one in compressions if one.recognises(path, head)), None)


def _with_packing(inspection: Inspection, unpacked: Unpacked, packings: Sequence[str]) -> Inspection:
    if not packings:
        return inspection
    reasons = {**inspection.reasons, "compression": f"the file begins as {packings[0]} does"}
    if unpacked.reason:
        reasons["member"] = unpacked.reason
    return replace(inspection, compression="+".join(packings), member=unpacked.member, reasons=reasons)


def _called(unpacked: Unpacked, packings: Sequence[str]) -> str:
    """What a message calls the file that was to be read."""
    if unpacked.member is not None:
        return f"The file {unpacked.member} in the archive"
    return f"The file that is packed with {packings[-1]}" if packings else "The file"


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


def _unread(called: str, head: bytes, readers: Readers) -> JobStopped:
    readable = ", ".join(one.name.upper() for one in readers.formats)
    for beginning, picture in PICTURES.items():
        if head.startswith(beginning):
            return stop(JobFaultCode.NOT_TEXT, f"{called} is no text: it is {picture}. Send {readable}.", found=picture)
    archive, document = _archive(head), _document(head)
    what = document or archive
    if what is None:
        return stop(
            JobFaultCode.NOT_TEXT,
            f"{called} is no text: it holds too many bytes that no text has. Send {readable}.",
        )
    packings = ", ".join(one.name for one in readers.compressions)
    packed = f", not packed or packed with {packings}" if what == archive and packings else ""
    hint = " A spreadsheet program can open it and save it anew." if what == HTML else ""
    return stop(
        JobFaultCode.UNKNOWN_FORMAT,
        f"{called} is {what}, whatever its name says, and that is not read here. Send {readable}{packed}.{hint}",
        found=what,
    )


def _archive(head: bytes) -> str | None:
    at, mark = TAR
    if head.startswith(mark, at):
        return "a TAR archive"
    return next((what for beginning, what in ARCHIVES.items() if head.startswith(beginning)), None)


def _document(head: bytes) -> str | None:
    if head.startswith(b"PK"):
        return next((what for inside, what in ZIPPED if inside in head), None)
    text = head.lstrip()
    if text.startswith(b"<"):
        return "XML" if text.startswith(b"<?xml") else HTML
    return next((what for beginning, what in DOCUMENTS.items() if text.startswith(beginning)), None)
