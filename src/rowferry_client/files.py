"""Files on the way: what is sent from disk piece by piece, and what arrives, each with its digest."""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

PIECE = 1 << 20

Source = str | os.PathLike[str] | bytes | BinaryIO


class FileUpload:
    """A file that is sent. Counts and digests what is read; beginning anew begins anew with that.

    A source that cannot be read twice, such as a pipe, is kept in a temporary file for the time of the upload.
    """

    def __init__(
        self, source: Source, name: str | None = None, on_bytes: Callable[[int, int], None] | None = None
    ) -> None:
        """Opens the source.

        Args:
            source: a path, bytes, or a binary file object.
            name: what the server is told; None: the file's own name.
            on_bytes: called with the bytes that were read so far and the size.
        """
        self._file, own_name, self._close = _opened(source)
        self.name = name or own_name
        self.size = self._file.seek(0, os.SEEK_END)
        self._file.seek(0)
        self._on_bytes = on_bytes
        self._digest = hashlib.sha256()
        self._read = 0

    @property
    def sha256(self) -> str:
        """The digest of what has been read since the beginning."""
        return self._digest.hexdigest()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        piece = self._file.read(size)
        self._digest.update(piece)
        self._read += len(piece)
        if self._on_bytes is not None:
            self._on_bytes(self._read, self.size)
        return piece

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves as files do; only what follows a return to the beginning has a digest."""
        self._digest = hashlib.sha256()
        self._read = 0
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The position."""
        return self._file.tell()

    def __enter__(self) -> "FileUpload":
        return self

    def __exit__(self, *_: object) -> None:
        if self._close:
            self._file.close()


def _opened(source: Source) -> tuple[BinaryIO, str, bool]:
    """The source as a file that can be read again, its name, and whether it is ours to close."""
    if isinstance(source, bytes):
        file = tempfile.SpooledTemporaryFile(max_size=len(source) + 1)  # noqa: SIM115  # closed by FileUpload
        file.write(source)
        return cast(BinaryIO, file), "upload.csv", True
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return path.open("rb"), path.name, True
    own_name: object = getattr(source, "name", None)
    name = Path(own_name).name if isinstance(own_name, str) and not own_name.startswith("<") else "upload.csv"
    if source.seekable():
        return source, name, False
    kept = tempfile.TemporaryFile()  # noqa: SIM115  # closed by FileUpload
    while piece := source.read(PIECE):
        kept.write(piece)
    return cast(BinaryIO, kept), "stdin.csv", True


class FileDownload:
    """A file that arrives. It has its name only when it is whole and its digest was found right."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.part")
        self._file = self._part.open("wb")
        self._digest = hashlib.sha256()
        self._arrived = 0

    @property
    def arrived(self) -> int:
        """How many bytes have arrived."""
        return self._arrived

    @property
    def sha256(self) -> str:
        """The digest of all that has arrived, in hexadecimal digits."""
        return self._digest.hexdigest()

    def restart(self) -> None:
        """Forgets what has arrived."""
        self._file.seek(0)
        self._file.truncate()
        self._digest = hashlib.sha256()
        self._arrived = 0

    def write(self, chunk: bytes) -> None:
        """Takes the next bytes."""
        self._file.write(chunk)
        self._digest.update(chunk)
        self._arrived += len(chunk)

    def __enter__(self) -> "FileDownload":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)
