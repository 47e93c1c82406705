"""How much may come out of a workbook, and the faults of one that cannot be read as a whole."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from rowferry.domain.faults import JobFaultCode, JobStopped, stop

LOOK_EVERY_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be in a workbook.

    `bytes_max` bounds what its parts unpack to, and the text of the cells that are read. Both may be `ratio_max` times as large as the
    file, or `ratio_exempt_bytes` large, whichever is more. `disk_free_min` bytes of the disk stay free. A record has at most
    `record_bytes_max` bytes of text, a header at most `columns_max` cells.
    """

    bytes_max: int
    ratio_max: int
    record_bytes_max: int
    columns_max: int
    disk_free_min: int = 0
    ratio_exempt_bytes: int = 64 << 20


class Meter:
    """Counts the bytes that one file gives, and stops it where they are too many or the disk is full.

    Args:
        limits: how many may come.
        sent_bytes: the size of the file, against which the ratio is taken.
        scratch: the folder whose disk fills.
    """

    def __init__(self, limits: Limits, sent_bytes: int, scratch: Path) -> None:
        self.limits = limits
        self._sent_bytes, self._scratch = sent_bytes, scratch
        self._total, self._looked = 0, -LOOK_EVERY_BYTES

    def count(self, size: int) -> None:
        """Counts so many bytes more.

        Raises:
            JobStopped: workbook-too-large, storage-full.
        """
        self._total += size
        limits = self.limits
        if self._total > limits.bytes_max:
            raise too_large(f"It unpacks to more than {limits.bytes_max} bytes. Send it in parts.")
        if self._total > max(limits.ratio_exempt_bytes, limits.ratio_max * self._sent_bytes):
            times = f"more than {limits.ratio_max} times its {self._sent_bytes} bytes"
            raise too_large(f"It unpacks to {times}, which hardly any table does. Save its rows as CSV and send those.")
        if self._total - self._looked >= LOOK_EVERY_BYTES:
            self._looked = self._total
            self._check_disk()

    def _check_disk(self) -> None:
        if shutil.disk_usage(self._scratch).free < self.limits.disk_free_min + LOOK_EVERY_BYTES:
            raise stop(
                JobFaultCode.STORAGE_FULL,
                "There was no room left on the worker's disk to unpack the workbook. Run the job again when there is.",
                retryable=True,
            )


def damaged(reason: str) -> JobStopped:
    """The fault of a workbook that cannot be read to its end. `reason` begins with a small letter and has no point at its end."""
    return stop(
        JobFaultCode.WORKBOOK_DAMAGED,
        f"The workbook is damaged: {reason}. Open it in a spreadsheet program, save it anew, and send that.",
        reason=reason,
    )


def too_large(reason: str) -> JobStopped:
    """The fault of a workbook that would take more room than it may; `reason` says what to do."""
    return stop(JobFaultCode.WORKBOOK_TOO_LARGE, f"The workbook is too large. {reason}", reason=reason)


def protected() -> JobStopped:
    """The fault of a workbook that only its password opens."""
    return stop(
        JobFaultCode.WORKBOOK_PASSWORD,
        "The workbook is protected by a password. Save it without one and send it again.",
    )
