"""Blobs in a folder and in an object store: one behaviour."""

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from rowferry.store.blobs import BlobMissing, Blobs, FolderBlobs, NoRoom, open_blobs

KEY = "uploads/01998f6e-8b6c-7c11-9a55-0f6f5d1c2a01"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["folder", "file url", "object store"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    locations = {"folder": tmp_path / "b", "file url": f"file://{tmp_path}/a%20b", "object store": "memory:///"}
    return open_blobs(locations[request.param])


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    for piece in content:
        yield piece


async def gathered(blobs: Blobs, *span: int) -> bytes:
    return b"".join([piece async for piece in blobs.stream(KEY, *span)])


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.anyio
@pytest.mark.parametrize("content", [b"", b"x", b"ab" * 1_500_000])
async def test_a_stream_is_read_back_byte_by_byte_with_its_digest(blobs: Blobs, content: bytes) -> None:
    halves = content[: len(content) // 2], content[len(content) // 2 :]
    stored = await blobs.put_stream(KEY, pieces(*halves))
    assert (stored.bytes, stored.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert await gathered(blobs) == content
    assert blobs.read(KEY) == content


@pytest.mark.anyio
async def test_ranges_are_cut_as_asked(blobs: Blobs) -> None:
    blobs.put(KEY, bytes(range(100)))
    assert await gathered(blobs, 10, 20) == bytes(range(10, 20))
    assert await gathered(blobs, 90) == bytes(range(90, 100))
    assert await gathered(blobs, 0, 1) == b"\x00"
    assert await gathered(blobs, 5, 5) == b""
    assert await gathered(blobs, 95, 200) == bytes(range(95, 100))


def test_what_an_iterator_makes_is_stored_with_its_digest(blobs: Blobs, tmp_path: Path) -> None:
    stored = blobs.write(KEY, (bytes([number]) * 1000 for number in range(10)))
    content = b"".join(bytes([number]) * 1000 for number in range(10))
    assert (stored.bytes, stored.sha256) == (10_000, hashlib.sha256(content).hexdigest())
    assert blobs.local_path(KEY, tmp_path).read_bytes() == content


@pytest.mark.anyio
async def test_a_stream_that_breaks_off_leaves_nothing(blobs: Blobs, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 3_000_000
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        await blobs.put_stream(KEY, broken())
    with pytest.raises(BlobMissing):
        blobs.read(KEY)
    assert files_in(tmp_path) == []


def test_a_stream_that_nobody_waits_for_any_more_leaves_nothing(tmp_path: Path) -> None:
    async def store() -> None:
        async def ended() -> AsyncIterator[bytes]:
            yield b"x"
            asyncio.get_running_loop().call_soon(storing.cancel)  # heard while the last piece is written

        storing = asyncio.ensure_future(FolderBlobs(tmp_path).put_stream(KEY, ended()))
        await storing

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(store())  # its threads have ended when it has
    assert files_in(tmp_path) == []


def test_an_iterator_that_breaks_off_leaves_what_was_there_before(blobs: Blobs) -> None:
    def broken() -> Iterator[bytes]:
        yield b"new"
        raise ValueError("bug")

    blobs.put(KEY, b"old")
    with pytest.raises(ValueError, match="bug"):
        blobs.write(KEY, broken())
    assert blobs.read(KEY) == b"old"


@pytest.mark.anyio
async def test_what_is_not_there_is_said_with_its_code(blobs: Blobs, tmp_path: Path) -> None:
    for look in (lambda: blobs.read(KEY), lambda: blobs.local_path(KEY, tmp_path)):
        with pytest.raises(BlobMissing) as caught:
            look()
        assert caught.value.fault.code == "source-missing"
    with pytest.raises(BlobMissing):
        await gathered(blobs)


@pytest.mark.anyio
async def test_deleting_is_done_once_and_asked_as_often_as_one_likes(blobs: Blobs) -> None:
    keys = ["parts/a/1/output/1", "parts/a/1/output/2"]
    for key in keys:
        blobs.put(key, b"x")
    blobs.delete(keys[:1])
    assert blobs.read(keys[1]) == b"x"
    blobs.delete(keys)
    await blobs.discard(keys)
    with pytest.raises(BlobMissing):
        blobs.read(keys[1])


@pytest.mark.parametrize(
    "key", ["../x", "uploads/../../x", "/etc/passwd", "uploads/", "uploads", "uploads/a.b", "", "uploads//x"]
)
def test_a_key_that_is_no_key_of_ours_is_refused(blobs: Blobs, key: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        blobs.put(key, b"x")
    with pytest.raises(ValueError, match="is no key"):
        blobs.read(key)


def test_a_folder_is_private_and_holds_nothing_of_the_past(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path / "b")
    blobs.put("parts/a-1-output-1", b"x")
    assert (tmp_path / "b" / "parts").stat().st_mode & 0o077 == 0
    blobs.delete(["parts/a-1-output-1"])
    assert not list((tmp_path / "b" / "parts").iterdir())


def test_a_folder_says_how_much_room_is_left_and_an_object_store_does_not(tmp_path: Path) -> None:
    assert (FolderBlobs(tmp_path / "not" / "yet").free_bytes() or 0) > 0
    assert open_blobs("memory:///").free_bytes() is None


FULL = """
import sys
from pathlib import Path
from rowferry.store.blobs import FolderBlobs, NoRoom
full = Path(sys.argv[1])
blobs = FolderBlobs(full)
try:
    blobs.write("uploads/x", (b"x" * 65536 for _ in range(64)))
except NoRoom as error:
    left = [path for path in full.rglob("*") if path.is_file()]
    print(error.fault.code, error.fault.retryable, left)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_has_a_code_and_keeps_nothing_of_the_file(tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    script = f"{' '.join(mount)} && {sys.executable} -c '{FULL}' {tmp_path}"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("no mounts here")
    assert done.stdout.strip() == "storage-full True []", done.stderr


def test_no_room_is_a_fault_of_the_job() -> None:
    assert NoRoom().fault.code == "storage-full"
