"""JSON in arrays, in objects around an array, one object after another and one a line: recognised, inspected, read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from rowferry.domain.columns import name_columns
from rowferry.domain.faults import JobFaultCode, JobStopped, stop
from rowferry.domain.schema import ReadOptions
from rowferry.formats.objects.blocks import blocks
from rowferry.formats.objects.encoding import encoding_of, text_of
from rowferry.formats.objects.records import Limits, Place
from rowferry.formats.objects.rows import Objects, Survey
from rowferry.formats.objects.shape import HEAD_BYTES, Shape, shape_of
from rowferry.formats.objects.source import Source
from rowferry.ports import Block, Inspection

BLOCK_BYTES = 4 << 20
REASONS = {
    Shape.ARRAY: "it is one JSON array",
    Shape.WRAPPED: "it is a JSON object around an array of records",
    Shape.SEQUENCE: "JSON objects follow one another",
    Shape.LINES: "each line begins as a JSON object does",
}


class JsonFormat:
    """Objects of JSON (ports.Format): in an array, in an object around an array, or one after another.

    Args:
        record_bytes_max: a longer object fails, in flat memory. So long may all different names be together.
        columns_max: more different names stop the job.
        block_bytes: how much is read at once.
    """

    name = "json"
    shapes = frozenset({Shape.ARRAY, Shape.WRAPPED, Shape.SEQUENCE})

    def __init__(self, record_bytes_max: int, columns_max: int, block_bytes: int = BLOCK_BYTES) -> None:
        self._limits = Limits(block_bytes, record_bytes_max, columns_max)

    def recognises(self, head: bytes) -> bool:
        """Whether the first bytes are JSON of one of the shapes."""
        return shape_of(head) in self.shapes

    def inspect(self, path: Path, options: ReadOptions, scratch: Path) -> Inspection:
        """Reads the whole file once: counts its rows, and gathers the names of all members.

        Raises:
            JobStopped: the file as a whole cannot be read.
        """
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        shape, encoding = shape_of(head) or Shape.LINES, encoding_of(head, options.encoding)
        text = text_of(path, encoding.codec, scratch)
        source = Source.of(text, shape, 0 if encoding.codec else encoding.mark)
        seen = self._surveyed(source, Objects(encoding.name))
        names = list(seen.names)
        inspection = Inspection(
            format=self.name,
            encoding=encoding.name,
            delimiter="",
            quote="",
            header_line=0,
            columns=tuple(names),
            added_columns=(),
            rows=seen.rows,
            blank_records=seen.blanks,
            lines_above=0,
            details=_details(source, encoding.codec, names),
            typed=True,
            reasons={
                "format": REASONS[shape],
                "encoding": encoding.reason,
                "columns": "they are all names that an object has, in the order in which they first appear",
            },
        )
        columns, added = name_columns(names, lambda at: self._filled(path, inspection, scratch, at))
        return replace(inspection, columns=columns, added_columns=added)

    def read(self, path: Path, inspection: Inspection, scratch: Path) -> Iterator[Block]:
        """The data rows in blocks of about `block_bytes`."""
        details = inspection.details
        codec = cast("str | None", details["codec"])
        place = Place(cast("int", details["offset"]), cast("int", details["line"]))
        source = Source(
            text_of(path, codec, scratch), Shape(str(details["shape"])), cast("int", details["start"]), place
        )
        names = cast("Sequence[str]", details["names"])
        return blocks(source.cuts(self._limits), Objects(inspection.encoding), names)

    def _surveyed(self, source: Source, objects: Objects) -> Survey:
        seen = Survey()
        for cut in source.checked(self._limits):
            objects.survey(cut, seen)
            self._refuse_names(seen.names)
        if not seen.objects:
            raise _nothing(seen)
        if not seen.names:
            raise stop(
                JobFaultCode.NO_HEADER,
                "No object of the JSON has a member. Send objects whose members are called as columns are.",
            )
        return seen

    def _refuse_names(self, names: Mapping[str, None]) -> None:
        if any("\0" in name for name in names):
            raise stop(
                JobFaultCode.JSON_SHAPE,
                "A name in the objects holds the character NUL, which no column's name can hold.",
            )
        if len(names) > self._limits.columns_max:
            raise stop(
                JobFaultCode.TOO_MANY_COLUMNS,
                f"The objects have more than {self._limits.columns_max} different names; at most so many columns are taken.",
                columns=len(names),
                limit=self._limits.columns_max,
            )
        if sum(map(len, names)) > self._limits.record_bytes_max:
            raise stop(
                JobFaultCode.RECORD_TOO_LONG,
                f"The names in the objects are longer than {self._limits.record_bytes_max} characters all together.",
                limit=self._limits.record_bytes_max,
            )

    def _filled(self, path: Path, inspection: Inspection, scratch: Path, positions: list[int]) -> set[int]:
        filled: set[int] = set()
        for block in self.read(path, inspection, scratch):
            filled |= {at for at in positions if at not in filled and (block.cells[str(at)] != "").any()}
            if len(filled) == len(positions):
                break
        return filled


class JsonLinesFormat(JsonFormat):
    """JSON Lines (ports.Format): an object a line. A line that is none fails alone."""

    name = "jsonl"
    shapes = frozenset({Shape.LINES})


def _details(source: Source, codec: str | None, names: list[str]) -> dict[str, object]:
    return {
        "shape": source.shape.value,
        "codec": codec,
        "start": source.start,
        "offset": source.place.offset,
        "line": source.place.line,
        "names": names,
    }


def _nothing(seen: Survey) -> JobStopped:
    if not seen.rows:
        return stop(JobFaultCode.EMPTY_FILE, "The JSON has no records. Send an array of objects, or an object a line.")
    return stop(
        JobFaultCode.JSON_SHAPE,
        f"None of the {seen.rows} records of the JSON can be read as an object. Send an array of objects, or an object a line.",
        records=seen.rows,
    )
