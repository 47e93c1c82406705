"""Turns cut records into rows: the members of each object by name, which records are blank, and which cannot be had as cells, and why."""

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import chain

import msgspec

from rowferry.domain.faults import RowCode
from rowferry.formats.objects.columns import EMPTY, NULL, Cells, Token, cell_of, cells
from rowferry.formats.objects.members import DEPTH_MAX, TOO_DEEP, deep, members_of, whole
from rowferry.formats.objects.records import Cut, Told

SHORT = max(map(len, EMPTY))
Values = Mapping[str, Token]
NOT_READ = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
_COLON = re.compile(rb"\\u003[aA]")


@dataclass(slots=True)
class Survey:
    """What a first pass over all records finds: names in the order of their first appearance, rows and blank records, whether any is an object."""

    names: dict[str, None] = field(default_factory=dict[str, None])
    rows: int = 0
    blanks: int = 0
    objects: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a cut: their texts and lines, the members of the good ones by position, the faults of the others."""

    texts: Sequence[bytes]
    lines: Sequence[int]
    values: Mapping[int, Values]
    faults: Mapping[int, Told]

    def part(self, start: int, end: int) -> "Rows":
        """Some of them."""
        return Rows(
            self.texts[start:end],
            self.lines[start:end],
            {at - start: one for at, one in self.values.items() if start <= at < end},
            {at - start: one for at, one in self.faults.items() if start <= at < end},
        )


class Objects:
    """Reads records as objects, the quick way where there is no doubt."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
        self._texts = msgspec.json.Decoder(list[str])

    def survey(self, cut: Cut, seen: Survey) -> None:
        """Counts the rows of a cut, and gathers the names of their members."""
        last: tuple[str, ...] = ()
        for at, text in enumerate(cut.texts):
            values, fault = (None, None) if at in cut.faults else self._read(text)
            if values is not None:
                seen.objects = True
                names = tuple(values)
                if names != last and not deep(text):
                    seen.names.update((name, None) for name in names if fault is None or whole(name))
                    last = names
                if fault is None and self._is_blank(text, values):
                    seen.blanks += 1
                    continue
            seen.rows += 1
        seen.blanks += cut.blanks

    def rows(self, cut: Cut) -> Rows:
        """The rows of a cut, blank records left out; `repeating` tells of further faults."""
        values, faults = dict[int, Values](), dict(cut.faults)
        for at, text in enumerate(cut.texts):
            if at not in faults:
                read, fault = self._read(text)
                if fault is not None:
                    faults[at] = fault
                elif read is not None:
                    values[at] = read
        for at in [at for at in values if deep(cut.texts[at])] if _nested(cut.texts, len(values)) else ():
            faults[at] = TOO_DEEP
            del values[at]
        blanks = {at for at, one in values.items() if self._is_blank(cut.texts[at], one)}
        return _without(cut, values, faults, blanks)

    def columns(self, rows: Sequence[Values], names: Sequence[str]) -> list[Cells]:
        """The cells of rows, a column a name."""
        return [cells([row.get(name, NULL) for row in rows], self._texts) for name in names]

    def repeating(self, rows: Rows, columns: Sequence[Cells], names: Sequence[str]) -> Mapping[int, Told]:
        """The good rows, by position, in which a name comes twice: of those one value was lost when they were read."""
        data = b"".join([rows.texts[at] for at in rows.values])
        # Outside of texts a colon stands behind each name and nowhere else, so that one too many tells of a member that was lost.
        told = sum(one.colons for one in columns) + sum(map(len, rows.values.values()))
        if any(":" in name for name in names):
            told += "".join(chain.from_iterable(rows.values.values())).count(":")
            if _COLON.search(data):
                told = -1
        if data.count(b":") == told:
            return {}
        found = {at: self._fault(rows.texts[at]) for at in rows.values}
        return {at: fault for at, fault in found.items() if fault is not None}

    def as_cut(self, text: bytes, names: Sequence[str]) -> list[str]:
        """The cells of any record; of one of which no member can be had its text is the first."""
        values = members_of(text, self._encoding).values
        if values:
            return [cell_of(values.get(name, NULL)) for name in names]
        return [text.decode("utf-8", "replace"), *[""] * (len(names) - 1)]

    def no_text(self) -> Told:
        """What is wrong with a row that has a value which is no text."""
        return RowCode.ENCODING_ERROR, {"encoding": self._encoding}

    def _read(self, text: bytes) -> tuple[Values | None, Told | None]:
        """The members of a record as far as they can be had, and what is wrong with it where that shows at once."""
        try:
            return self._decoder.decode(text), None
        except NOT_READ:
            found = members_of(text, self._encoding)
            return found.values if found.values or found.fault is None else None, found.fault

    def _is_blank(self, text: bytes, values: Values) -> bool:
        """Whether no member has content. A name that comes twice makes the row faulty, and no longer blank; then there is a colon more."""
        return _blank(values) and (text.count(b":") == len(values) or self._fault(text) is None)

    def _fault(self, text: bytes) -> Told | None:
        return members_of(text, self._encoding).fault


def _nested(texts: Sequence[bytes], objects: int) -> bool:
    """Whether so many objects have as many brackets all together as if one of them is nested too deeply."""
    data = b"".join(texts)
    return data.count(b"{") + data.count(b"[") > objects + DEPTH_MAX


def _blank(values: Values) -> bool:
    """Whether no member has content."""
    for token in values.values():  # noqa: SIM110  # a generator would take twice as long, and this is asked of each record
        if len(token) > SHORT or bytes(token) not in EMPTY:
            return False
    return True


def _without(cut: Cut, values: Mapping[int, Values], faults: Mapping[int, Told], blanks: Set[int]) -> Rows:
    """The rows of a cut without blank records."""
    if not blanks:
        return Rows(cut.texts, cut.lines, values, faults)
    kept = [at for at in range(len(cut.texts)) if at not in blanks]
    place = {at: position for position, at in enumerate(kept)}
    return Rows(
        [cut.texts[at] for at in kept],
        [cut.lines[at] for at in kept],
        {place[at]: one for at, one in values.items() if at in place},
        {place[at]: one for at, one in faults.items()},
    )
