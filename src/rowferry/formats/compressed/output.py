"""Writes what comes out of a packed file into scratch, and stops it at a size, a ratio or a full disk."""

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rowferry.domain.faults import JobFaultCode, JobStopped, stop

LOOK_EVERY_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What may come out of a packed file.

    `bytes_max` bounds one file. It may be `ratio_max` times as large as what was sent, or `ratio_exempt_bytes` large, whichever is more:
    small files may be as dense as they like. `disk_free_min` bytes of the disk stay free. A file may be made of `streams_max` packed
    streams, since each costs 7 to 70 microseconds though it holds nothing.
    """

    bytes_max: int
    ratio_max: int
    disk_free_min: int = 0
    ratio_exempt_bytes: int = 64 << 20
    streams_max: int = 1_000_000


def written(pieces: Iterable[bytes], limits: Limits, sent_bytes: int, scratch: Path) -> Path:
    """The pieces as a new file in the scratch folder; nothing is left there where it is stopped.

    Args:
        pieces: what comes out, each piece bounded.
        limits: what may come out.
        sent_bytes: the size of the file that was sent, against which the ratio is taken.
        scratch: a folder of the attempt.

    Raises:
        JobStopped: archive-too-large, storage-full, or what the pieces raise.
    """
    with tempfile.NamedTemporaryFile(dir=scratch, prefix="unpacked-", delete=False) as file:
        path = Path(file.name)
        try:
            total, looked = 0, -LOOK_EVERY_BYTES
            for piece in pieces:
                total += len(piece)
                _check_size(total, limits, sent_bytes)
                if total - looked >= LOOK_EVERY_BYTES:
                    looked = total
                    _check_disk(limits, scratch)
                file.write(piece)
        except BaseException:
            path.unlink()
            raise
    return path


def too_wide(packing: str) -> JobStopped:
    """The fault of a file that needs too much memory to be unpacked, as zstd makes with `--long` above 27."""
    return stop(
        JobFaultCode.ARCHIVE_TOO_LARGE,
        f"The file is packed with {packing} so that unpacking it takes more than 128 MB of memory. Pack it without --long.",
    )


def _check_size(total: int, limits: Limits, sent_bytes: int) -> None:
    if total > limits.bytes_max:
        raise too_large(f"more than {limits.bytes_max} bytes", "Send it in parts", limits)
    if total > max(limits.ratio_exempt_bytes, limits.ratio_max * sent_bytes):
        raise too_large(
            f"more than {limits.ratio_max} times its {sent_bytes} bytes, which hardly any table does",
            "Send it unpacked",
            limits,
        )


def _check_disk(limits: Limits, scratch: Path) -> None:
    free = shutil.disk_usage(scratch).free
    if free < limits.disk_free_min + LOOK_EVERY_BYTES:
        raise stop(
            JobFaultCode.STORAGE_FULL,
            "There was no room left on the worker's disk to unpack the file. Run the job again when there is, or send less.",
            retryable=True,
        )


def too_large(what: str, remedy: str, limits: Limits) -> JobStopped:
    """The fault of a file that holds more than the limits allow."""
    return stop(
        JobFaultCode.ARCHIVE_TOO_LARGE,
        f"The packed file holds {what}. {remedy}, or ask the operator to raise the limit.",
        bytes_max=limits.bytes_max,
        ratio_max=limits.ratio_max,
    )
