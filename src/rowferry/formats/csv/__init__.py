"""CSV and its kin (any delimiter, quote, line end and encoding): recognised, inspected, read."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rowferry.domain.columns import name_columns
from rowferry.domain.faults import JobFaultCode, JobStopped, stop
from rowferry.domain.schema import ReadOptions
from rowferry.formats.csv.cells import Table, blocks
from rowferry.formats.csv.dialect import Reading, Stated, reading_of, stated_in_file
from rowferry.formats.csv.encoding import encoding_of, textual, transcode
from rowferry.formats.csv.grammar import LINE, Dialect, Grammar, grammar_of
from rowferry.formats.csv.header import Header, blank_file, header_from, line_at, named_columns, sample_of
from rowferry.formats.csv.records import Cut, Cutter, Limits, Place
from rowferry.formats.csv.titles import valued
from rowferry.ports import Block, Inspection

BLOCK_BYTES = 3 << 20
FOREIGN = re.compile(
    rb'\s*+(?:%PDF|PK\x03\x04|\x1f\x8b|<(?:!doctype|html|head|body|table|\?xml)|\{\s*"|\[\s*[\[{"])', re.IGNORECASE
)
"""How files begin that are text, or may look like it, but no table of cells and delimiters."""
SPELLED = {"\\t": "\t", "tab": "\t"}
ASCII = 128
FIRST = "the first record that is not blank"
TITLES = "each record above it fills few cells, it has a name in each, and most records after it have as many"


class CsvFormat:
    """Text with a delimiter between cells (ports.Format).

    Args:
        record_bytes_max: a longer record fails, in flat memory.
        columns_max: a header with more stops the job.
        block_bytes: how much is read at once.
    """

    def __init__(self, record_bytes_max: int, columns_max: int, block_bytes: int = BLOCK_BYTES) -> None:
        self._limits = Limits(block_bytes, record_bytes_max)
        self._columns_max = columns_max

    @property
    def name(self) -> str:
        """The word of `source.format`."""
        return "csv"

    def recognises(self, head: bytes) -> bool:
        """Whether the first bytes are text, and none that is a document of another sort."""
        return textual(head) and not FOREIGN.match(head)

    def inspect(self, path: Path, options: ReadOptions, scratch: Path) -> Inspection:
        """Finds encoding, delimiter and header, then cuts the whole file once to count its rows.

        Raises:
            JobStopped: the file as a whole cannot be read, or an option does not fit it.
        """
        encoding = encoding_of(path, options.encoding)
        text = _text(path, encoding.codec, scratch)
        found = self._table(text, options, Place(0 if encoding.codec else encoding.mark, 1))
        header, dialect = found.header, found.dialect
        self._check_count(len(found.columns), header.line)
        inspection = Inspection(
            format=self.name,
            encoding=encoding.name,
            delimiter=dialect.delimiter.decode(),
            quote=dialect.quote.decode(),
            header_line=header.line,
            columns=tuple(found.columns),
            added_columns=(),
            rows=0,
            blank_records=0,
            lines_above=(header.line or header.after.line) - 1,
            details={
                "offset": header.after.offset,
                "line": header.after.line,
                "codec": encoding.codec,
                "encoding_guessed": encoding.guessed,
            },
            reasons={"encoding": encoding.reason, **found.reasons},
        )
        return self._named(text, self._counted(text, inspection))

    def read(self, path: Path, inspection: Inspection, scratch: Path) -> Iterator[Block]:
        """The data rows in blocks of about `block_bytes`."""
        codec = inspection.details.get("codec")
        return self._blocks(_text(path, codec if isinstance(codec, str) else None, scratch), inspection)

    # Inspecting -------------------------------------------------------------------------------------------------------

    def _table(self, text: Path, options: ReadOptions, place: Place) -> "_Found":
        """The dialect, the header and the names of the columns of a text that begins at a place."""
        sample = sample_of(text, place)
        line = LINE.match(sample.data)
        in_file = stated_in_file(line[0]) if line is not None else None
        if line is not None and in_file is not None:
            place = Place(place.offset + line.end(), 2)
        if options.header_line:
            place = line_at(text, options.header_line, place, self._limits)
        sample = sample_of(text, place)
        delimiter = None if options.delimiter is None else _delimiter(options.delimiter)
        by = "as stated" if delimiter else "the first line of the file states it"
        stated = Stated(delimiter or in_file, _quote(options.quote), by, options.header_line is None)
        reading = reading_of(sample, stated)
        if reading.dialect.mark == reading.dialect.quote:
            raise _invalid("delimiter", "it is the quote as well")
        if options.header_line == 0:
            return _headless(reading, place, "as stated: there is none")
        return self._headed(text, reading, place, options)

    def _headed(self, text: Path, reading: Reading, place: Place, options: ReadOptions) -> "_Found":
        """With the header that is there, unless its cells say that it is none."""
        rows, detected = reading.rows, options.header_line is None
        first = rows[reading.header].place if rows and detected else place
        header = header_from(text, grammar_of(reading.dialect), first, self._limits)
        if detected and reading.header == 0 and valued(rows[0], rows[1:]):
            return _headless(
                reading, place, "the first record has two cells alike, and values above values: it is a row"
            )
        reason = "as stated" if not detected else TITLES if reading.header else FIRST
        if header.faulty:
            reason += "; its quotes are at fault, so that its cells stand as they were cut"
        columns = named_columns(header, rows[reading.header + 1 :])
        return _Found(reading.dialect, header, columns, {**reading.reasons, "header_line": reason})

    def _counted(self, text: Path, inspection: Inspection) -> Inspection:
        """With the numbers of rows and blank records, by the same cutting as `read`."""
        grammar = _grammar(inspection)
        rows = blanks = 0
        for cut in self._cuts(text, inspection):
            blank = len(cut.blanks(grammar))
            blanks += blank
            rows += len(cut.starts) - blank
        return replace(inspection, rows=rows, blank_records=blanks)

    def _named(self, text: Path, inspection: Inspection) -> Inspection:
        """With the columns named, and our own told apart."""
        columns, added = name_columns(inspection.columns, lambda at: self._filled(text, inspection, at))
        nameless = [at for at, name in enumerate(inspection.columns) if not name]
        details = {**inspection.details, "nameless": nameless} if nameless else inspection.details
        return replace(inspection, columns=columns, added_columns=added, details=details)

    def _filled(self, text: Path, inspection: Inspection, positions: list[int]) -> set[int]:
        filled: set[int] = set()
        for block in self._blocks(text, inspection):
            filled |= {at for at in positions if at not in filled and (block.cells[str(at)] != "").any()}
            if len(filled) == len(positions):
                break
        return filled

    def _check_count(self, columns: int, line: int) -> None:
        if columns > self._columns_max:
            raise stop(
                JobFaultCode.TOO_MANY_COLUMNS,
                f"The header in line {line} has {columns} columns; at most {self._columns_max} are taken.",
                columns=columns,
                limit=self._columns_max,
            )

    # Reading ----------------------------------------------------------------------------------------------------------

    def _blocks(self, text: Path, inspection: Inspection) -> Iterator[Block]:
        table = Table(_grammar(inspection), len(inspection.columns), inspection.encoding)
        return blocks(self._cuts(text, inspection), table)

    def _cuts(self, text: Path, inspection: Inspection) -> Iterator[Cut]:
        offset, line = inspection.details["offset"], inspection.details["line"]
        if not isinstance(offset, int) or not isinstance(line, int):
            raise TypeError("the details of an inspection come from the format that made it")
        with text.open("rb") as file:
            yield from Cutter(file, _grammar(inspection), Place(offset, line), self._limits).cuts()


@dataclass(frozen=True, slots=True)
class _Found:
    """What a text is found to be, and why, by member of `source`."""

    dialect: Dialect
    header: Header
    columns: Sequence[str]
    reasons: Mapping[str, str]


def _headless(reading: Reading, place: Place, reason: str) -> _Found:
    """A table without a header: its columns are called by their places."""
    if not reading.rows:
        raise blank_file(place.line)
    columns = [f"column_{at + 1}" for at in range(reading.width)]
    return _Found(reading.dialect, Header(0, (), place), columns, {**reading.reasons, "header_line": reason})


def _text(path: Path, codec: str | None, scratch: Path) -> Path:
    """The file as UTF-8: itself, or what was made of it in the scratch folder."""
    if codec is None:
        return path
    text = scratch / f"{path.name}.utf-8"
    if not text.exists():
        transcode(path, codec, text)
    return text


def _grammar(inspection: Inspection) -> Grammar:
    return grammar_of(Dialect(inspection.delimiter.encode(), inspection.quote.encode()))


def _quote(stated: str | None) -> bytes | None:
    """The quote as stated; `""` states that there is none."""
    if stated is None:
        return None
    return _one_byte(stated, "quote") if stated else b""


def _delimiter(stated: str) -> bytes:
    """The delimiter as stated; a blank after it says that those after delimiters are no part of the cells."""
    if len(stated) > 1 and stated.endswith(" "):
        return _one_byte(stated[:-1], "delimiter") + b" "
    return _one_byte(stated, "delimiter")


def _one_byte(stated: str, option: str) -> bytes:
    text = SPELLED.get(stated, stated)
    if len(text) != 1 or ord(text) >= ASCII or text in "\r\n":
        raise _invalid(option, "it must be one ASCII character, and no line end")
    return text.encode()


def _invalid(option: str, reason: str) -> JobStopped:
    return stop(JobFaultCode.INVALID_PARAMS, f"The option {option} cannot be used: {reason}.", option=option)
