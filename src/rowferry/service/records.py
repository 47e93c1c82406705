"""Takes the rows out of a JSON body, and makes the file of them that a job reads: JSON as it came, or CSV with the same texts."""

import csv
import io
import json
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn, cast

from rowferry.domain.faults import Invalid, MalformedJson, Pointed

ROWS = "rows"
FAULTS_MAX = 20
NUMBER_CHARACTERS_MAX = 1_000
DEPTH_MAX = 64
PIECE_CHARACTERS = 262_144
_SPACE = " \t\n\r"
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LINE_ENDS = str.maketrans("\r\n", "  ")


class Number(str):
    """A JSON number as it was written: neither rounded nor reformatted."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class SentRows:
    """A JSON body with rows: its other members as values, and where its rows are.

    `columns` are the names of all members of all rows, in the order in which they first appear. The rows stay text until they are
    written, so that the memory they take is that of the body and not of millions of objects. `places` are where each begins and ends in
    the text, one after another.
    """

    members: dict[str, object]
    columns: tuple[str, ...]
    count: int
    text: str
    begin: int
    places: "array[int]"

    def json(self) -> Iterator[bytes]:
        """The rows as one JSON array in pieces of some 256 KB, each as it came and in a line of its own: row 7 is in line 7."""
        lead, piece, size = "[", list[str](), 0
        for text in self.texts():
            # Between the members of an object a line end is a space like any other, and inside of texts there is none.
            piece += (lead, text.translate(_LINE_ENDS) if "\n" in text or "\r" in text else text)
            lead, size = ",\n", size + len(text)
            if size >= PIECE_CHARACTERS:
                yield "".join(piece).encode()
                piece, size = [], 0
        yield ("".join(piece) + ("]\n" if self.count else "[]\n")).encode()

    def csv(self, names: Sequence[str] | None = None) -> Iterator[bytes]:
        """The rows as CSV in UTF-8 with a header, in pieces of some 256 KB. A row without a member has an empty cell.

        `names` are what the header calls the columns; None: as the members are called.

        Raises:
            Invalid: a value is nested too deeply.
        """
        piece = io.StringIO(newline="")
        # The line end is CR LF so that the writer quotes cells that hold either of the two.
        writer = csv.writer(piece, lineterminator="\r\n")
        writer.writerow(names or self.columns)
        for row, _, _ in _elements(self.text, self.begin, _decoder()):
            members = cast("dict[str, object]", row)
            writer.writerow([_cell(members.get(column)) for column in self.columns])
            if piece.tell() >= PIECE_CHARACTERS:
                yield piece.getvalue().encode()
                piece.seek(0)
                piece.truncate()
        yield piece.getvalue().encode()

    def texts(self) -> Iterator[str]:
        """The JSON of each row."""
        for at in range(0, len(self.places), 2):
            yield self.text[self.places[at] : self.places[at + 1]]


def scan(text: str, columns_max: int, path: Sequence[str] = (ROWS,)) -> SentRows:
    """Reads a JSON body, checks that its rows are objects, and remembers where they are.

    `path` are the names of the members that lead to the rows, from the outermost; the last has them.

    Raises:
        MalformedJson: the body is not JSON.
        Invalid: the body is no object, or what the path leads to is no array of objects, or has too many columns.
    """
    try:
        return _Body(text, columns_max, path).read()
    except RecursionError:
        raise MalformedJson(part="The body", reason="it is nested too deeply.") from None
    except ValueError as error:
        raise MalformedJson(part="The body", reason=f"{error}.") from None


def cells_of_object(text: str, columns: Sequence[str]) -> list[str]:
    """The members of one row by the columns, as a CSV file would have them; nothing where the text is no object or is cut off."""
    try:
        row, _ = _decoder().raw_decode(text)
        return (
            [_cell(cast("dict[str, object]", row).get(column)) for column in columns] if isinstance(row, dict) else []
        )
    except (ValueError, RecursionError, Invalid):
        return []


class _Body:
    """A body under way: one pass over its text."""

    def __init__(self, text: str, columns_max: int, path: Sequence[str]) -> None:
        self._text = text
        self._path = path
        self._decoder = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_members)
        self._tally = _Tally(columns_max, "/" + "/".join(path))
        self._begin = -1

    def read(self) -> SentRows:
        """The whole body."""
        begin = _skip(self._text, 0)
        if self._text.startswith("{", begin):
            members, end = self._object(begin, 0)
        else:
            members, end = None, self._decoder.raw_decode(self._text, begin)[1]
        if _skip(self._text, end) != len(self._text):
            raise json.JSONDecodeError("there is more behind the end", self._text, end)
        if members is None:
            raise Invalid(reason="The body is JSON and no object. Send an object whose members are what is asked for.")
        self._tally.judge()
        return SentRows(
            members, tuple(self._tally.columns), self._tally.rows, self._text, self._begin, self._tally.places
        )

    def _object(self, at: int, level: int) -> tuple[dict[str, object], int]:
        """The members of the object that begins at a place, without the rows; and the place behind it."""
        text, members, seen = self._text, dict[str, object](), set[str]()
        at = _expect(text, at, "{")
        while not text.startswith("}", at):
            name, at = self._decoder.raw_decode(text, at)
            if not isinstance(name, str):
                raise json.JSONDecodeError("a member's name must be a text", text, at)
            at = _expect(text, _skip(text, at), ":")
            if name in seen:
                raise json.JSONDecodeError(f"the member {name} comes twice", text, at)
            seen.add(name)
            at = _skip(text, self._member(name, at, level, members))
            if not text.startswith("}", at):
                at = _expect(text, at, ",")
                if text.startswith("}", at):
                    raise json.JSONDecodeError("a member must follow the comma", text, at)
        return members, at + 1

    def _member(self, name: str, at: int, level: int, members: dict[str, object]) -> int:
        """Takes the value at a place; returns the place behind it."""
        last = level == len(self._path) - 1
        if name == self._path[level] and self._text.startswith("[" if last else "{", at):
            if last:
                self._begin = at
                return self._tally.count(self._text, at, _decoder())
            members[name], at = self._object(at, level + 1)
        else:
            members[name], at = self._decoder.raw_decode(self._text, at)
        return at


class _Tally:
    """What the first pass over the rows finds."""

    def __init__(self, columns_max: int, pointer: str) -> None:
        self._columns_max = columns_max
        self._pointer = pointer
        self.columns: dict[str, None] = {}
        self.rows = 0
        self.places = array("q")
        self._faults: list[Pointed] = []

    def count(self, text: str, begin: int, decoder: json.JSONDecoder) -> int:
        """Counts the rows and gathers their columns. Returns the place behind the array."""
        end, halves = begin + 1, _SURROGATE.search(text) is not None

        def behind(at: int) -> None:
            nonlocal end
            end = at

        for row, start, stop in _elements(text, begin, decoder, behind):
            self.places.extend((start, stop))
            if not isinstance(row, dict):
                self._wrong("is no object of columns")
            else:
                members = cast("dict[str, object]", row)
                self.columns.update(dict.fromkeys(members))
                if halves and _is_half(members):
                    self._wrong("has a text with half a surrogate pair")
            self.rows += 1
            if len(self.columns) > self._columns_max:
                raise Invalid(reason=f"The rows have more than {self._columns_max} columns.")
        return end

    def _wrong(self, what: str) -> None:
        if len(self._faults) < FAULTS_MAX:
            self._faults.append(Pointed(f"Row {self.rows + 1} {what}.", f"{self._pointer}/{self.rows}"))

    def judge(self) -> None:
        """Refuses rows that are none."""
        if self._faults:
            raise Invalid(reason=self._faults[0].detail, errors=tuple(self._faults))


def _elements(
    text: str, begin: int, decoder: json.JSONDecoder, behind: Callable[[int], None] = lambda _: None
) -> Iterator[tuple[object, int, int]]:
    """The elements of the array that begins at a place, with their own; at its end `behind` hears the place behind it."""
    at = _skip(text, begin + 1)
    while not text.startswith("]", at):
        value, end = decoder.raw_decode(text, at)
        yield value, at, end
        at = _skip(text, end)
        if not text.startswith("]", at):
            at = _expect(text, at, ",")
            if text.startswith("]", at):
                raise json.JSONDecodeError("a row must follow the comma", text, at)
    behind(at + 1)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _expect(text: str, at: int, mark: str) -> int:
    if not text.startswith(mark, at):
        raise json.JSONDecodeError(f"expected {mark}", text, at)
    return _skip(text, at + 1)


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(
        parse_int=_number, parse_float=_number, parse_constant=_no_constant, object_pairs_hook=_members
    )


def _number(text: str) -> Number:
    if len(text) > NUMBER_CHARACTERS_MAX:
        raise ValueError(f"a number has more than {NUMBER_CHARACTERS_MAX} characters")
    return Number(text)


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON value")


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the member {twice} comes twice in one object")
    return members


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return _json(value, 0)


def _json(value: object, depth: int) -> str:
    if depth > DEPTH_MAX:
        raise Invalid(reason=f"A cell is nested more than {DEPTH_MAX} deep.")
    if isinstance(value, Number):
        return value
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return "{" + ",".join(f"{_quoted(name)}:{_json(one, depth + 1)}" for name, one in members.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_json(one, depth + 1) for one in cast("list[object]", value)) + "]"
    return _quoted(value)


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _is_half(row: object) -> bool:
    """Whether a text in a row ends or begins with half a character."""
    try:
        _quoted(row).encode()
    except UnicodeEncodeError:
        return True
    return False
