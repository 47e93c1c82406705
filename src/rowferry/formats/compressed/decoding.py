"""Takes compressed bytes in and gives what they stand for in bounded pieces, whatever they claim to hold."""

import bz2
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from backports import zstd

IN_BYTES = 1 << 16
OUT_BYTES = 1 << 20
ZSTD_WINDOW_LOG_MAX = 27
"""128 MB: what zstd itself takes without being told more."""
TOO_WIDE = "too much memory"
"""What the message of zstd for `ZSTD_error_frameParameter_windowTooLarge` says; its binding has no code."""


class Cut(Exception):
    """The file ends before what is packed in it does."""


class Damaged(Exception):
    """The bytes are none that a packer writes; the text is the library's reason."""


class TooWide(Exception):
    """It can be decoded with more memory alone than is given for it: more than 128 MB."""


class TooManyStreams(Exception):
    """The file is made of more streams than an honest packer makes; each costs time and may hold nothing."""


class Decoder(Protocol):
    """Decodes one stream, member or frame, as `bz2.BZ2Decompressor` does."""

    @property
    def eof(self) -> bool:
        """Whether the stream has come to its end."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out without more bytes."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What was handed in behind the end of the stream."""
        ...

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Up to so many bytes of what comes out."""
        ...


Read = Callable[[int], bytes]
"""Reads up to so many bytes; nothing at the end."""


class Inflater:
    """`zlib`'s decoder with the manners of the others (Decoder). `wbits`: 31 for a member of gzip, -15 for bare deflate."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)
        self._full = False

    @property
    def eof(self) -> bool:
        """Whether the stream has come to its end."""
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out without more bytes."""
        return not (self._full or self._inner.unconsumed_tail)

    @property
    def unused_data(self) -> bytes:
        """What was handed in behind the end of the stream."""
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Up to so many bytes of what comes out."""
        piece = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self._full = len(piece) == max_length  # zlib may hold back output though it has taken all input
        return piece


def gzip_member() -> Decoder:
    """Decodes one member. Source: RFC 1952."""
    return Inflater(31)


def bare_deflate() -> Decoder:
    """Decodes deflate without header and check sum, as archives hold it. Source: RFC 1951."""
    return Inflater(-15)


def bzip2_stream() -> Decoder:
    """Decodes one bzip2 stream."""
    return bz2.BZ2Decompressor()


def zstd_frame() -> Decoder:
    """Decodes one frame, also one to be skipped. Source: RFC 8878."""
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG_MAX})


def one_stream(read: Read, decoder: Decoder) -> Iterator[bytes]:
    """What one stream holds, in pieces of at most `OUT_BYTES`. `decoder.unused_data` is then what was read behind its end.

    Raises:
        Cut: the bytes end before the stream does.
        Damaged: it cannot be decoded.
        TooWide: it needs too much memory.
    """
    data = b""
    while not decoder.eof:
        if decoder.needs_input:
            data = read(IN_BYTES)
            if not data:
                raise Cut
        try:
            piece = decoder.decompress(data, OUT_BYTES)
        except (zlib.error, zstd.ZstdError, OSError, EOFError, ValueError) as error:
            raise (TooWide if TOO_WIDE in str(error) else Damaged)(str(error)) from error
        data = b""
        if piece:
            yield piece


def every_stream(read: Read, start: Callable[[], Decoder], padding: bytes, streams_max: int) -> Iterator[bytes]:
    """What all streams of a file hold, one behind the other. Bytes of `padding` between and behind them are passed over.

    Raises:
        Cut: the file ends inside a stream.
        Damaged: a stream cannot be decoded, or something else is behind one.
        TooWide: a stream needs too much memory.
        TooManyStreams: there are more than `streams_max`.
    """
    rest = b""

    def more(size: int) -> bytes:
        nonlocal rest
        data, rest = rest or read(size), b""
        return data

    for _ in range(streams_max):
        decoder = start()
        yield from one_stream(more, decoder)
        rest = decoder.unused_data
        while not (rest := rest.lstrip(padding) if padding else rest):
            rest = read(IN_BYTES)
            if not rest:
                return
    raise TooManyStreams
