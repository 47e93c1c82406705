"""Packs bytes as honest and as malicious programs do."""

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from backports import zstd

from rowferry.domain.faults import JobStopped
from rowferry.domain.schema import ReadOptions
from rowferry.formats.compressed import Limits, compressions
from rowferry.formats.csv import CsvFormat
from rowferry.pipeline.inspect import Opened, open_file
from rowferry.ports import Readers

ROWS = b"id,name\n1,Ana\n2,Ben\n"
LIST_ENTRY = b"PK\x01\x02"
"""What an entry in the list at the end of a ZIP archive begins with."""
FLAGS, METHOD, CHECK_SUM, PACKED_BYTES, FILE_BYTES, MODE, OFFSET = 8, 10, 16, 20, 24, 38, 42
"""Where parts of such an entry are."""


def readers(limits: Limits | None = None) -> Readers:
    """CSV, and all packings."""
    formats = (CsvFormat(1 << 20, 100),)
    return Readers(formats, compressions(limits or Limits(1 << 30, 500), formats))


def opened(folder: Path, data: bytes, limits: Limits | None = None, **options: str) -> Opened:
    """A file with these bytes, opened as an import would."""
    path, scratch = folder / "upload", folder / "scratch"
    path.write_bytes(data)
    scratch.mkdir(exist_ok=True)
    return open_file(path, ReadOptions(**options), readers(limits), scratch)  # type: ignore[arg-type]  # tests name texts


def code_of(folder: Path, data: bytes, limits: Limits | None = None, **options: str) -> str:
    """The code of the fault that the file gives; "" where it can be read."""
    try:
        opened(folder, data, limits, **options)
    except JobStopped as stopped:
        return stopped.fault.code
    return ""


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    """A ZIP archive."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        archive.comment = comment
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def streamed(name: str, content: bytes) -> bytes:
    """A ZIP archive as programs write it that cannot go back: sizes and check sum stand behind the file."""

    class Forward(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]  # the test writes bytes
            self.data += data
            return len(data)

    target = Forward()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]  # it can be written to
        archive.writestr(name, content)
    return bytes(target.data)


def told(archive: bytes, at: int, value: int, size: str = "I") -> bytes:
    """A ZIP archive whose list says another number of its first file; at `FLAGS` and `METHOD` the numbers are of size "H"."""
    start = archive.index(LIST_ENTRY) + at
    field = struct.pack(f"<{size}", value)
    return archive[:start] + field + archive[start + len(field) :]


def protected(files: Mapping[str, bytes]) -> bytes:
    """A ZIP archive whose first file says that it is encrypted."""
    return told(zipped(files), FLAGS, 1, "H")


def linked(name: str, target: str) -> bytes:
    """A ZIP archive with a symbolic link and nothing else."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.create_system, entry.external_attr = 3, 0o120777 << 16
        archive.writestr(entry, target)
    return data.getvalue()


def tarred(files: Mapping[str, bytes]) -> bytes:
    """A TAR archive."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return data.getvalue()


def skipped(content: bytes) -> bytes:
    """A frame of zstd that a reader must skip. Source: RFC 8878, 3.1.2."""
    return struct.pack("<II", 0x184D2A50, len(content)) + content


def wide_frame() -> bytes:
    """A frame of zstd that needs 2 GB of memory."""
    options = {zstd.CompressionParameter.content_size_flag: 0}
    frame = zstd.compress(ROWS * 9, options=options)
    return frame[:5] + b"\xa8" + frame[6:]  # the descriptor of the window: 2 to the power of 10 + 0xa8 / 8


def gzip_of(*parts: bytes) -> bytes:
    """A gzip file with one member for each part."""
    return b"".join(gzip.compress(part, mtime=0) for part in parts)
