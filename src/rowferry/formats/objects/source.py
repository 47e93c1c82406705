"""Opens a JSON text: where its records begin, how they are cut, and that nothing is wrong behind the last of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rowferry.domain.faults import JobFaultCode, stop
from rowferry.formats.objects.arrays import ArrayCutter
from rowferry.formats.objects.lines import LineCutter
from rowferry.formats.objects.members import Broken, TooDeep, walked
from rowferry.formats.objects.records import PIECE, Cut, Limits, Place, damaged, line_ends
from rowferry.formats.objects.shape import HEAD_BYTES, Shape, array_at, skip

_SOLID = re.compile(rb"[^ \t\n\r]")


@dataclass(frozen=True, slots=True)
class Source:
    """A text in UTF-8, its shape, where it begins in the file (behind a mark), and where its records begin."""

    path: Path
    shape: Shape
    start: int
    place: Place

    @classmethod
    def of(cls, path: Path, shape: Shape, start: int) -> "Source":
        """Finds where the records begin, which is in the first bytes."""
        if shape in {Shape.LINES, Shape.SEQUENCE}:
            return cls(path, shape, start, Place(start, 1))
        with path.open("rb") as file:
            head = file.read(2 * HEAD_BYTES)[start:]
        text = head.decode("latin-1")
        bracket = skip(text, 0) if shape is Shape.ARRAY else array_at(text)
        at = 0 if bracket is None else bracket + 1
        return cls(path, shape, start, Place(start + at, 1 + line_ends(head, at)))

    def cuts(self, limits: Limits) -> Iterator[Cut]:
        """All records, some at a time."""
        with self.path.open("rb") as file:
            if self.shape is Shape.LINES:
                yield from LineCutter(file, self.place, limits).cuts()
            else:
                yield from self._elements(file, limits).cuts()

    def checked(self, limits: Limits) -> Iterator[Cut]:
        """The same, and at the end a look at what stands behind the records.

        Raises:
            JobStopped: json-damaged, record-too-long.
        """
        if self.shape in {Shape.LINES, Shape.SEQUENCE}:
            yield from self.cuts(limits)
            return
        with self.path.open("rb") as file:
            elements = self._elements(file, limits)
            yield from elements.cuts()
            if self.shape is Shape.ARRAY:
                self._refuse_more(file, elements.place)
            else:
                self._refuse_odd_members(file, elements.place, limits.record_bytes_max)

    def _elements(self, file: BinaryIO, limits: Limits) -> ArrayCutter:
        return ArrayCutter(file, self.place, limits, sequence=self.shape is Shape.SEQUENCE, start=self.start)

    def _refuse_more(self, file: BinaryIO, place: Place) -> None:
        """Sees to it that nothing stands behind the array."""
        file.seek(place.offset)
        offset, line, before = place.offset, place.line, b""
        while piece := file.read(PIECE):
            found = _SOLID.search(piece)
            line += line_ends(before[-1:] + piece, None if found is None else found.start() + len(before[-1:]))
            line -= line_ends(before[-1:])
            if found is not None:
                raise damaged(
                    file, Place(offset + found.start(), line), self.start, "there is more behind the end of the array"
                )
            offset, before = offset + len(piece), piece

    def _refuse_odd_members(self, file: BinaryIO, place: Place, limit: int) -> None:
        """Sees to it that the object around the array is one, with no name twice. Its other members are small, or they are refused."""
        file.seek(self.start)
        before = file.read(self.place.offset - 1 - self.start)
        file.seek(place.offset)
        behind = file.read(limit + 1)
        if len(behind) > limit:
            raise stop(
                JobFaultCode.RECORD_TOO_LONG,
                f"Behind the records, from line {place.line} on, the file holds more than {limit} bytes that are none. Send the records alone.",
                line=place.line,
                limit=limit,
            )
        text = (before + b"0" + behind).decode("latin-1")
        try:
            values, names = walked(text)
        except Broken as broken:
            raise self._at(file, place, behind, broken.at - len(before) - 1, broken.reason) from None
        except (TooDeep, UnicodeDecodeError):
            raise self._at(file, place, behind, 0, "the object around the records cannot be read") from None
        if len(names) > len(values):
            raise self._at(file, place, behind, 0, "the object around the records has a name twice")

    def _at(self, file: BinaryIO, place: Place, behind: bytes, at: int, reason: str) -> Exception:
        at = max(0, at)
        return damaged(file, Place(place.offset + at, place.line + line_ends(behind, at)), self.start, reason)
