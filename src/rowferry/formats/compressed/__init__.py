"""Files packed with gzip, zstd or zip: recognised by content, unpacked into scratch under limits."""

from collections.abc import Sequence

from rowferry.formats.compressed.archive import ZipCompression
from rowferry.formats.compressed.output import Limits
from rowferry.formats.compressed.streams import StreamCompression, gzip_compression, zstd_compression
from rowferry.ports import Compression, Format

__all__ = ["Limits", "StreamCompression", "ZipCompression", "compressions", "gzip_compression", "zstd_compression"]


def compressions(limits: Limits, formats: Sequence[Format]) -> tuple[Compression, ...]:
    """All packings. An archive with several files gives the only one that one of the formats reads, packed once more or not."""
    streams = (gzip_compression(limits), zstd_compression(limits))

    def readable(head: bytes) -> bool:
        return any(one.begins(head) for one in streams) or any(one.recognises(head) for one in formats)

    return (*streams, ZipCompression(limits, readable))
