"""Packings of one file without a name: gzip with all its members, zstd with all its frames."""

import re
from collections.abc import Callable
from pathlib import Path

from rowferry.domain.faults import JobFaultCode, JobStopped, stop
from rowferry.domain.schema import ReadOptions
from rowferry.formats.compressed.decoding import (
    Cut,
    Damaged,
    Decoder,
    TooManyStreams,
    TooWide,
    every_stream,
    gzip_member,
    zstd_frame,
)
from rowferry.formats.compressed.output import Limits, too_large, too_wide, written
from rowferry.ports import Unpacked

GZIP = re.compile(rb"\x1f\x8b\x08")
ZSTD = re.compile(rb"(?:\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18.{4})", re.DOTALL)
"""A frame, or one to be skipped, as programs that pack in parallel write first."""


class StreamCompression:
    """One or more packed streams that make one file (ports.Compression).

    Args:
        name: the word of `source.compression`.
        beginning: what its files begin with.
        start: makes the decoder of one stream.
        limits: what may come out.
        padding: the bytes that may stand between streams and behind the last.
    """

    def __init__(
        self,
        name: str,
        beginning: re.Pattern[bytes],
        start: Callable[[], Decoder],
        limits: Limits,
        padding: bytes = b"",
    ) -> None:
        self._name, self._beginning, self._start = name, beginning, start
        self._limits, self._padding = limits, padding

    @property
    def name(self) -> str:
        """The word of `source.compression`."""
        return self._name

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # the port hands it in
        """Whether the file begins as those of this packing do."""
        return self.begins(head)

    def begins(self, head: bytes) -> bool:
        """Whether a file with these first bytes is packed so."""
        return self._beginning.match(head) is not None

    def unpack(self, path: Path, options: ReadOptions, scratch: Path, sent_bytes: int) -> Unpacked:  # noqa: ARG002  # a stream has no members
        """All streams one behind the other, as one file in the scratch folder.

        Raises:
            JobStopped: archive-damaged, archive-too-large, storage-full.
        """
        with path.open("rb") as file:
            try:
                pieces = every_stream(file.read, self._start, self._padding, self._limits.streams_max)
                return Unpacked(written(pieces, self._limits, sent_bytes, scratch))
            except TooManyStreams:
                what = f"more than {self._limits.streams_max} packed pieces"
                raise too_large(what, "Pack it in one piece", self._limits) from None
            except TooWide as error:
                raise too_wide(self.name) from error
            except Cut:
                raise self._damaged(
                    "ends too early: it was cut off, often by an upload or a download that broke"
                ) from None
            except Damaged as damage:
                raise self._damaged("is damaged", reason=str(damage)) from damage

    def _damaged(self, what: str, reason: str = "") -> JobStopped:
        return stop(
            JobFaultCode.ARCHIVE_DAMAGED,
            f"The file is packed with {self.name} and {what}. Nothing was imported. Pack and send the whole file again.",
            reason=reason,
        )


def gzip_compression(limits: Limits) -> StreamCompression:
    """gzip; zero bytes behind its members, as tapes and some copy programs leave them, are no damage."""
    return StreamCompression("gzip", GZIP, gzip_member, limits, padding=b"\0")


def zstd_compression(limits: Limits) -> StreamCompression:
    """zstd, with frames to be skipped."""
    return StreamCompression("zstd", ZSTD, zstd_frame, limits)
