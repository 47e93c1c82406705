"""Uploads, parts and artifacts as blobs under keys: in a folder, or in an object store by URL."""

import asyncio
import errno
import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import obstore
from obstore.store import ObjectStore, from_url

from rowferry.domain.faults import JobFault, JobFaultCode, JobStopped

KEY = re.compile(r"[a-z]+(/[A-Za-z0-9_-]+)+(\.zst)?")
PIECE = 1 << 20
"""Bytes that are written and read at once."""
UNFINISHED = ".new"


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written: size, and the digest in hexadecimal."""

    bytes: int
    sha256: str


class NoRoom(JobStopped):
    """The store is full. Of what was written nothing is left."""

    def __init__(self) -> None:
        message = "There is no room left for files. Make room and run the job again."
        super().__init__(JobFault(JobFaultCode.STORAGE_FULL, message, retryable=True))


class BlobMissing(JobStopped):
    """There is no blob of that key."""

    def __init__(self, key: str) -> None:
        message = "A file of the job is no longer in the store. Send the file again."
        super().__init__(JobFault(JobFaultCode.SOURCE_MISSING, message, {"blob": key}))


class Blobs(Protocol):
    """Where blobs are. What a write has returned survives the end of the process and of the machine."""

    async def put_stream(self, key: str, content: AsyncIterator[bytes]) -> Stored:
        """Stores what comes, piece by piece. If the stream raises, nothing is left and the exception goes on.

        Raises:
            NoRoom: the store is full.
        """
        ...

    def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes]:
        """The bytes from `start` up to, without, `end`.

        Raises:
            BlobMissing: at the first piece.
        """
        ...

    async def discard(self, keys: Sequence[str]) -> None:
        """Removes blobs; those that are not there are no fault."""
        ...

    def put(self, key: str, content: bytes) -> None:
        """Stores some bytes.

        Raises:
            NoRoom: the store is full.
        """
        ...

    def write(self, key: str, content: Iterable[bytes]) -> Stored:
        """Stores what an iterator makes, piece by piece.

        Raises:
            NoRoom: the store is full.
        """
        ...

    def read(self, key: str) -> bytes:
        """All bytes of a blob.

        Raises:
            BlobMissing: there is none.
        """
        ...

    def local_path(self, key: str, scratch: Path) -> Path:
        """A file with the blob's bytes, to be read only: the blob itself, or a copy in `scratch`.

        Raises:
            BlobMissing: there is none.
            NoRoom: there is no room for the copy.
        """
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Removes blobs; those that are not there are no fault."""
        ...

    def older(self, prefix: str, seconds: float) -> Iterator[str]:
        """The keys under a prefix whose blobs were written so many seconds ago or before; some may be gone when they are told."""
        ...

    def clear_unfinished(self, seconds: float) -> int:
        """Removes what writes left that broke off so many seconds ago or before. Gives how many."""
        ...

    def free_bytes(self) -> int | None:
        """How much room is left, None where the store has no limit."""
        ...


def open_blobs(location: str | Path) -> Blobs:
    """The store at a folder or URL (`file://`, `s3://`, `gs://`, `az://`). Nothing is read or made yet."""
    if isinstance(location, Path):
        return FolderBlobs(location)
    url = urlsplit(location)
    if url.scheme in {"", "file"}:
        return FolderBlobs(Path(unquote(url.path)))
    return ObjectBlobs(from_url(location))


class Digest:
    """Counts and digests what passes."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._bytes = 0

    def add(self, piece: bytes) -> None:
        """Takes in a piece."""
        self._sha256.update(piece)
        self._bytes += len(piece)

    def passing(self, content: Iterable[bytes]) -> Iterator[bytes]:
        """The same pieces, taken in."""
        for piece in content:
            self.add(piece)
            yield piece

    def stored(self) -> Stored:
        """What has passed."""
        return Stored(self._bytes, self._sha256.hexdigest())


# A folder -------------------------------------------------------------------------------------------------------------


class FolderBlobs:
    """Blobs as files under their keys. Our own, since obstore's local store syncs neither file nor folder.

    A file is written under another name, synced, renamed, and its folder synced: so a key has all its bytes or none.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put_stream(self, key: str, content: AsyncIterator[bytes]) -> Stored:
        """See `Blobs`."""
        digest = Digest()
        path = self._path(key)
        writing: _Writing | None = None

        def add(pieces: list[bytes], *, last: bool = False) -> None:
            nonlocal writing
            writing = writing or _Writing.begin(self._root, path)
            for piece in digest.passing((b"".join(pieces),)):
                writing.add(piece)
            if last:
                writing.end()

        added: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        added.set_result(None)
        try:
            gathered: list[bytes] = []
            size = 0
            async for piece in content:
                gathered.append(piece)
                size += len(piece)
                if size >= PIECE:
                    await asyncio.shield(added)
                    added = asyncio.ensure_future(asyncio.to_thread(add, gathered))  # while the next piece comes
                    gathered, size = [], 0
            await asyncio.shield(added)
            added = asyncio.ensure_future(asyncio.to_thread(add, gathered, last=True))
            await asyncio.shield(added)  # no thread may go on behind who cleans up
        except BaseException:
            await asyncio.gather(added, return_exceptions=True)
            if writing is not None:
                writing.abandon()
            raise
        return digest.stored()

    async def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes]:
        """See `Blobs`."""
        with _reading(key):
            file = await asyncio.to_thread(self._path(key).open, "rb")
        with file:
            file.seek(start)
            left = None if end is None else end - start
            while left is None or left > 0:
                piece = await asyncio.to_thread(file.read, PIECE if left is None else min(PIECE, left))
                if not piece:
                    return
                left = None if left is None else left - len(piece)
                yield piece

    async def discard(self, keys: Sequence[str]) -> None:
        """See `Blobs`."""
        await asyncio.to_thread(self.delete, keys)

    def put(self, key: str, content: bytes) -> None:
        """See `Blobs`."""
        self._written(key, (content,))

    def write(self, key: str, content: Iterable[bytes]) -> Stored:
        """See `Blobs`."""
        digest = Digest()
        self._written(key, digest.passing(content))
        return digest.stored()

    def _written(self, key: str, content: Iterable[bytes]) -> None:
        writing = _Writing.begin(self._root, self._path(key))
        try:
            for piece in content:
                writing.add(piece)
            writing.end()
        except BaseException:
            writing.abandon()
            raise

    def read(self, key: str) -> bytes:
        """See `Blobs`."""
        with _reading(key):
            return self._path(key).read_bytes()

    def local_path(self, key: str, scratch: Path) -> Path:  # noqa: ARG002  # the file itself is the copy
        """See `Blobs`."""
        path = self._path(key)
        if not path.is_file():
            raise BlobMissing(key)
        return path

    def delete(self, keys: Sequence[str]) -> None:
        """See `Blobs`."""
        for key in keys:
            self._path(key).unlink(missing_ok=True)

    def older(self, prefix: str, seconds: float) -> Iterator[str]:
        """See `Blobs`."""
        for path in _files_older(self._root / prefix, seconds):
            if KEY.fullmatch(key := path.relative_to(self._root).as_posix()):
                yield key

    def clear_unfinished(self, seconds: float) -> int:
        """See `Blobs`."""
        found = list(_files_older(self._root / UNFINISHED, seconds))
        for path in found:
            path.unlink(missing_ok=True)
        return len(found)

    def free_bytes(self) -> int | None:
        """See `Blobs`."""
        folder = self._root
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free

    def _path(self, key: str) -> Path:
        return self._root / _checked(key)


class _Writing:
    """A file on its way to its key."""

    def __init__(self, new: Path, path: Path) -> None:
        self._new = new
        self._path = path
        self._file = new.open("xb", buffering=0)
        self._named = False

    @classmethod
    def begin(cls, root: Path, path: Path) -> "_Writing":
        with _room():
            folder = root / UNFINISHED
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return cls(folder / secrets.token_hex(16), path)

    def add(self, piece: bytes) -> None:
        with _room():
            view = memoryview(piece)
            while view:
                view = view[self._file.write(view) :]

    def end(self) -> None:
        with _room(), self._file:
            os.fsync(self._file.fileno())
            _make_synced(self._path.parent)
            self._new.rename(self._path)
            self._named = True
            _sync(self._path.parent)

    def abandon(self) -> None:
        self._file.close()
        (self._path if self._named else self._new).unlink(missing_ok=True)


def _files_older(folder: Path, seconds: float) -> Iterator[Path]:
    until = time.time() - seconds
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent) / name
            with suppress(FileNotFoundError):
                if path.stat().st_mtime <= until:
                    yield path


def _make_synced(folder: Path) -> None:
    """Makes a folder and those above it, each known to its own folder after a crash of the machine."""
    if folder.is_dir():
        return
    _make_synced(folder.parent)
    folder.mkdir(exist_ok=True, mode=0o700)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _room() -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise NoRoom from error
        raise


@contextmanager
def _reading(key: str) -> Generator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise BlobMissing(key) from error


def _checked(key: str) -> str:
    if not KEY.fullmatch(key):
        raise ValueError(f"{key!r} is no key of a blob")
    return key


# An object store ------------------------------------------------------------------------------------------------------


class ObjectBlobs:
    """Blobs as objects of S3, GCS or Azure, which acknowledge what is safe."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put_stream(self, key: str, content: AsyncIterator[bytes]) -> Stored:
        """See `Blobs`."""
        digest = Digest()

        async def passing() -> AsyncIterator[bytes]:
            async for piece in content:
                digest.add(piece)
                yield piece

        await obstore.put_async(self._store, _checked(key), passing())
        return digest.stored()

    async def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes]:
        """See `Blobs`."""
        if end is not None and end <= start:
            return
        with _reading(key):
            if end is not None:
                result = await obstore.get_async(self._store, _checked(key), options={"range": (start, end)})
            elif start:
                result = await obstore.get_async(self._store, _checked(key), options={"range": {"offset": start}})
            else:  # an empty object has no range at all
                result = await obstore.get_async(self._store, _checked(key))
        async for piece in result.stream(PIECE):
            yield bytes(piece)

    async def discard(self, keys: Sequence[str]) -> None:
        """See `Blobs`."""
        await asyncio.to_thread(self.delete, keys)

    def put(self, key: str, content: bytes) -> None:
        """See `Blobs`."""
        obstore.put(self._store, _checked(key), content)

    def write(self, key: str, content: Iterable[bytes]) -> Stored:
        """See `Blobs`."""
        digest = Digest()
        obstore.put(self._store, _checked(key), digest.passing(content))
        return digest.stored()

    def read(self, key: str) -> bytes:
        """See `Blobs`."""
        with _reading(key):
            return bytes(obstore.get(self._store, _checked(key)).bytes())

    def local_path(self, key: str, scratch: Path) -> Path:
        """See `Blobs`."""
        path = scratch / f"blob-{secrets.token_hex(8)}"
        with _reading(key):
            result = obstore.get(self._store, _checked(key))
        with _room(), path.open("xb") as file:
            for piece in result.stream(PIECE):
                file.write(piece)
        return path

    def delete(self, keys: Sequence[str]) -> None:
        """See `Blobs`."""
        for key in keys:
            try:
                obstore.delete(self._store, _checked(key))
            except FileNotFoundError:
                continue

    def older(self, prefix: str, seconds: float) -> Iterator[str]:
        """See `Blobs`."""
        until = datetime.now(UTC) - timedelta(seconds=seconds)
        for found in obstore.list(self._store, prefix):  # pyright: ignore[reportUnknownMemberType]  # its overload for Arrow
            yield from (one["path"] for one in found if one["last_modified"] <= until and KEY.fullmatch(one["path"]))

    def clear_unfinished(self, seconds: float) -> int:  # noqa: ARG002  # an upload that broke off is no object
        """See `Blobs`. The parts of an upload that broke off are removed by a rule of the bucket, if it has one."""
        return 0

    def free_bytes(self) -> int | None:
        """See `Blobs`."""
        return None
