"""Packs what attempts store and unpacks what is asked of it: Zstandard, one frame after another, told by the key's ending."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import BinaryIO, cast

from backports import zstd

SUFFIX = ".zst"
LEVEL = 1
"""A million rows take 0.4 s and a third of the room; level 3 takes half as long again for a tenth less."""
PIECE = 1 << 20


def is_packed(key: str) -> bool:
    """Whether the blob of this key is packed."""
    return key.endswith(SUFFIX)


def packed(content: bytes) -> bytes:
    """The content as one frame. Frames one after another are packed content, too. Source: RFC 8878, section 3.1."""
    return zstd.compress(content, LEVEL)


def frame(stored: bytes, key: str) -> bytes:
    """What is stored under a key as packed content."""
    return stored if is_packed(key) else packed(stored)


def content(frames: bytes) -> bytes:
    """What was packed."""
    return zstd.decompress(frames)


def opened(path: Path, key: str) -> BinaryIO:
    """The content of the blob of this key, whose bytes are at `path`."""
    return cast("BinaryIO", zstd.ZstdFile(path)) if is_packed(key) else path.open("rb")


async def unpacked(pieces: AsyncGenerator[bytes], start: int, end: int) -> AsyncGenerator[bytes]:
    """The content's bytes `start` to `end` (not included) of packed pieces that begin at the first frame."""
    at = 0
    async with aclosing(_content(pieces)) as content:
        async for piece in content:
            part = piece[max(0, start - at) : max(0, end - at)]
            at += len(piece)
            if part:
                yield part
            if at >= end:
                return


async def _content(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    unpacker = zstd.ZstdDecompressor()
    async with aclosing(pieces):
        async for piece in pieces:
            left = piece
            while left or not unpacker.needs_input:
                part = await asyncio.to_thread(unpacker.decompress, left, PIECE)
                left = b""
                if part:
                    yield part
                if unpacker.eof:
                    left, unpacker = unpacker.unused_data, zstd.ZstdDecompressor()
