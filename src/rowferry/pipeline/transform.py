"""Cells of a file become typed values of a kind, or issues: the kind's schema and the mapping, compiled to column expressions."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from rowferry.domain.faults import MASK, InvalidDeclaration, Pointed, RowCode, RowIssue
from rowferry.domain.schema import Field, ImportOptions, Mode, Rule, Schema
from rowferry.pipeline.cells import Demand, demands, filled, gone, reading, texts, unmapped
from rowferry.pipeline.literals import dtype
from rowferry.pipeline.numbers import SIGNS, Sign, ambiguous, telling, undecided, unsure
from rowferry.pipeline.reading import Misdeclared, Reading
from rowferry.pipeline.rules import Judge, judge, try_on_nothing
from rowferry.ports import Block, ImportKind, Lines

VALUE_CHARACTERS = 200
"""Characters of a cell that an issue shows at most; its record has the rest."""
RANKS = 16
"""Places of the faults of one field within a row."""

Whole = Callable[[], Iterable[Block]]
"""All blocks of a file, from its start."""

_Told = list[tuple[str, Mapping[str, object]]]
"""Codes of issues with the arguments of their messages, besides `value`."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the cells of a field come from: the name of their column in `Checked.cells`, and the header's; None where a default alone brings it."""

    field: Field
    cell: str
    column: str | None


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a block.

    `frame` has one row per record that had the header's cells: the fields that a column or a default brings, typed, in the schema's
    order, then `_row`; a cell that could not be read is null there. `ok` says for each row of the frame whether it has no issue.
    `issues` are those of all rows of the block, also of records that could not be cut into cells, by row, then in the order of the
    fields, rules last. `lines` has one line per row of the block, `positions` the row of the block of each row of the frame. `faulty`
    says for which rows of the frame a field has a fault of its own; fields without any are left out. `raw(position)` gives the bytes
    of a record of the block, `cells` its cells with the defaults in place.
    """

    first_row: int
    lines: Lines
    positions: Lines
    frame: pl.DataFrame
    ok: pl.Series
    issues: Sequence[RowIssue]
    faulty: Mapping[str, pl.Series]
    raw: Callable[[int], bytes]
    cells: pl.DataFrame
    sources: Mapping[str, Source]

    def issue(
        self,
        index: int,
        names: tuple[str, ...],
        code: str,
        outcome: Literal["failed", "skipped"],
        arguments: Mapping[str, object],
    ) -> RowIssue:
        """An issue of a row of the frame about one field, or about several together. Its argument `value` shows their cells."""
        sources = [self.sources[name] for name in names]
        values = [shown(source.field, self.cells[source.cell][index]) for source in sources]
        position = int(self.positions[index])
        alone = sources[0] if len(sources) == 1 else None
        return RowIssue(
            row=self.first_row + position,
            line=int(self.lines[position]),
            field=alone.field.name if alone else None,
            column=alone.column if alone else None,
            code=code,
            value=values[0] if alone else None,
            arguments={"value": ", ".join(values)} | dict(arguments),
            outcome=outcome,
            record=legible(self.raw(position)),
        )


@dataclass(frozen=True, slots=True)
class _Column:
    """One field that the file or a default brings, compiled.

    `cell` names the column of its texts while a block is checked, `mark` the column that says which of them are typed (None: none can
    be); no field can have such a name. `gone` says which cells are one of the missing values.
    """

    source: Source
    rank: int
    cell: str
    mark: str | None
    text: pl.Expr
    gone: pl.Expr
    reading: Reading
    demands: tuple[Demand, ...]
    reread: Callable[[Set[Sign]], Reading] | None
    """The reading once the column has told of its signs; None where it needs not."""

    @property
    def name(self) -> str:
        return self.source.field.name

    def questions(self) -> list[pl.Expr]:
        """For each sign, whether a cell can be read with that one only; and how many cells may be two numbers."""
        field, text = self.source.field, unmapped(self.source.field, self.stated())
        tells = [one.any().alias(sign) for sign, one in telling(field, text).items()]
        return [*tells, ambiguous(field, text).sum().alias("twofold")]

    def stated(self) -> pl.Expr:
        """The texts whose reading depends on options: those that are not typed."""
        text = pl.col(self.cell)
        return text if self.mark is None else pl.when(~pl.col(self.mark)).then(text)


@dataclass(frozen=True, slots=True)
class _Fault:
    """Rows with one sort of fault: which, of which column, at which place among a row's faults, and what to tell about rows of these indexes."""

    mask: pl.Series
    column: _Column | None
    rank: int
    told: Callable[[npt.NDArray[np.uint32]], _Told]
    rule: Rule | None = None


class Plan:
    """A kind's schema and a file's mapping, compiled; made by `compile`."""

    def __init__(
        self,
        columns: tuple[_Column, ...],
        rules: tuple[Judge, ...],
        absent: tuple[Field, ...],
        fills: Sequence[pl.Expr],
        whole: Whole,
    ) -> None:
        self._columns = columns
        self._rules = rules
        self._absent = [pl.lit(None, dtype=dtype(field)).alias(field.name) for field in absent]
        self._fills = fills
        self._whole = whole
        self._untold = [column for column in columns if column.reread is not None]
        """The columns whose cells must tell how they are read, and have not been asked yet."""
        self.signs: Mapping[str, Sign] = {}
        """By field, the decimal sign that its column told; known once `apply` met a cell that depends on it."""
        self.hopeless: tuple[Source, ...] = ()
        """Fields whose every cell in the file may be two numbers; known once `apply` met one. No row of such a file can be read."""
        self._sources = {column.name: column.source for column in columns}
        ranked = [
            (column.rank + 1 + rank, column, one) for column in columns for rank, one in enumerate(column.demands)
        ]
        self._demands = {str(rank): (rank, column, demand) for rank, column, demand in ranked}

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that a column of the file or a default brings, in the schema's order."""
        return tuple(column.name for column in self._columns)

    def apply(self, block: Block) -> Checked:
        """Reads and checks all rows of a block.

        Three stages, each over plain columns: texts, values, faults. Polars does not find the common parts of large expressions well
        enough by itself. Issues are made only for the rows that have some.
        """
        block = self._filled(block)
        text = self._texts(block, self._columns)
        values = self._values(text)
        if any(_unsure(column, text, values) for column in self._untold):
            self._ask()
            values = self._values(text)
        unread = [fault for column in self._columns for fault in _unread(column, text, values, block)]
        faults = [*unread, *self._broken(text.hstack(values), values), *self._judged(values, unread)]
        return Checked(
            first_row=block.first_row,
            lines=block.lines,
            positions=block.positions,
            frame=values.with_columns(pl.Series("_row", block.first_row + block.positions, dtype=pl.Int64)),
            ok=~_any((fault.mask for fault in faults), values.height),
            issues=_issues(block, faults),
            faulty=_faulty(faults, values.height),
            raw=block.raw,
            cells=block.cells,
            sources=self._sources,
        )

    def _filled(self, block: Block) -> Block:
        """The block with defaults where its rows have no value; what stands for no value is no error of a spreadsheet either."""
        if block.cell_errors:
            block = replace(block, cell_errors=self._errors(block))
        if not self._fills:
            return block
        cells = block.cells.with_columns(self._fills)
        return replace(block, cells=cells, typed=_still_typed(block, cells))

    def _errors(self, block: Block) -> dict[str, Lines]:
        """The errors of a spreadsheet in the cells of the fields, without those that are one of the missing values."""
        found = dict[str, Lines]()
        for column in self._columns:
            cell = column.source.cell
            if cell in block.cell_errors:
                gone = block.cells.select(column.gone).to_series().to_numpy()
                at = block.cell_errors[cell]
                found[cell] = at[~gone[at]]
        return found

    def _texts(self, block: Block, columns: Sequence[_Column]) -> pl.DataFrame:
        """The texts of the columns' cells, and which of them are typed. An error of a spreadsheet is no text."""
        marks = [_marked(block, column.source.cell).alias(column.mark) for column in columns if column.mark is not None]
        names = [column.mark for column in columns if column.mark is not None]
        text = block.cells.with_columns(marks).select(*(column.text for column in columns), *names)
        spoilt = [column for column in columns if column.source.cell in block.cell_errors]
        for column in spoilt:
            text = text.with_columns(pl.when(~_mask(block, column)).then(pl.col(column.cell)).alias(column.cell))
        return text

    def _values(self, text: pl.DataFrame) -> pl.DataFrame:
        return text.select([column.reading.value.alias(column.name) for column in self._columns])

    def _ask(self) -> None:
        """Asks all cells of the file what they tell of the signs of their columns, once.

        Not before a cell is met that depends on it: all others read alike whatever the answer is, and most files have no such cell.
        """
        heard = {column.name: set[Sign]() for column in self._untold}
        twofold, rows = Counter[str](), 0
        for block in self._whole():
            text = self._texts(self._filled(block), self._untold)
            rows += text.height
            for column in self._untold:
                answers = text.select(column.questions()).row(0, named=True)
                heard[column.name] |= {sign for sign in SIGNS if answers[sign]}
                twofold[column.name] += answers["twofold"]
            if all(len(signs) > 1 for signs in heard.values()):
                break
        self.signs = {name: next(iter(signs)) for name, signs in heard.items() if len(signs) == 1}
        self.hopeless = tuple(column.source for column in self._untold if rows and twofold[column.name] == rows)
        self._columns = tuple(
            replace(one, reading=one.reread(heard[one.name])) if one.reread and one.name in heard else one
            for one in self._columns
        )
        self._untold = []

    def _broken(self, frame: pl.DataFrame, values: pl.DataFrame) -> list[_Fault]:
        """What the fields demand of values and do not get."""
        if not self._demands:
            return []
        broken = [demand.broken.fill_null(value=False).alias(key) for key, (_, _, demand) in self._demands.items()]
        masks = frame.select(broken)
        found = list[_Fault]()
        for mask in masks:
            if mask.any():
                rank, column, demand = self._demands[mask.name]
                found.append(_Fault(mask, column, rank, _demanded(demand, values[column.name])))
        return found

    def _judged(self, values: pl.DataFrame, unread: list[_Fault]) -> list[_Fault]:
        """Rules that rows break. A row is not judged by a rule whose fields it lacks for a fault that is told already."""
        if not self._rules:
            return []
        table = values.with_columns(self._absent)
        suspects = table.select([one.suspected.alias(str(index)) for index, one in enumerate(self._rules)])
        by_name = {column.name: column for column in self._columns}
        found = list[_Fault]()
        for index, one in enumerate(self._rules):
            lacking = [fault.mask for fault in unread if fault.column and fault.column.name in one.fields]
            mask = one.broken(table, suspects[str(index)] & ~_any(lacking, values.height))
            if mask.any():
                blamed = by_name.get(one.rule.field) if one.rule.field else None
                told = _same(one.rule.code, {"message": one.rule.message})
                found.append(_Fault(mask, blamed, len(self._columns) * RANKS + index, told, one.rule))
        return found


def compile(  # noqa: A001  # the word of the field; nobody compiles Python here
    kind: ImportKind,
    columns: tuple[str, ...],
    mapping: tuple[tuple[int, str], ...],
    options: ImportOptions,
    whole: Whole = tuple,
    *,
    typed: bool = False,
) -> Plan:
    """The plan to read a file's rows as rows of a kind.

    Args:
        kind: what rows must look like.
        columns: the header's cells.
        mapping: position of a column and name of the field that it fills, for each column that is imported.
        options: the import's options; of these, how dates and numbers are written, the defaults and the required fields.
        whole: all blocks of the file from its start, whenever called; for what only the whole of a column can tell. Without any, no
            column tells anything.
        typed: whether blocks may say of cells that they are typed.

    Raises:
        InvalidDeclaration: the kind has a pattern or a rule that cannot be worked with. `check` finds those when it is declared.
    """
    positions = {name: position for position, name in mapping}
    defaults = dict(options.defaults)
    faults, compiled, fills = list[Pointed](), list[_Column](), list[pl.Expr]()
    for rank, field in enumerate(one for one in kind.schema.fields if one.name in positions or one.name in defaults):
        position = positions.get(field.name)
        cell = f"{field.name} default" if position is None else str(position)
        source = Source(
            replace(field, required=field.required or field.name in options.required),
            cell,
            None if position is None else columns[position],
        )
        if field.name in defaults:
            default = defaults[field.name]
            usual = (
                pl.lit(default)
                if position is None
                else filled(field, kind.schema.missing_values, pl.col(cell), default)
            )
            fills.append(usual.alias(cell))
        try:
            compiled.append(_column(source, rank, kind.schema, options, typed=typed))
        except Misdeclared as error:
            faults.append(_pointed_field(kind.schema, field, error))
    rules, wrong = _rules(kind.schema)
    _raise_any([*faults, *wrong])
    brought = positions.keys() | defaults.keys()
    absent = tuple(field for field in kind.schema.fields if field.name not in brought)
    if options.mode is Mode.UPDATE:  # what the file does not bring is as it is stored, which nobody knows here
        rules = tuple(rule for rule in rules if rule.fields <= brought)
    return Plan(tuple(compiled), rules, absent, fills, whole)


def default_faults(kind: ImportKind, options: ImportOptions) -> tuple[Pointed, ...]:
    """What is wrong with the defaults of an import, each judged as the only cell of its field.

    A number that only the other cells of a column can tell how to read is no fault.
    """
    unruled = replace(kind, schema=replace(kind.schema, rules=()))
    one = np.ones(1, np.int64)
    alone = Block(1, one, pl.DataFrame({"": [""]}), one - 1, (), lambda _: b"", lambda _: ())
    issues = compile(unruled, (), (), options, lambda: (alone,)).apply(alone).issues
    return tuple(
        Pointed(issue.message, f"/options/defaults/{issue.field}")
        for issue in issues
        if issue.code != RowCode.NUMBER_AMBIGUOUS
    )


def check(kind: ImportKind) -> None:
    """Tries every part of a kind that is compiled, on no rows: patterns, bounds, enumerations, formats, rules, functions.

    Raises:
        InvalidDeclaration: with a pointer for each part that cannot be worked with.
    """
    names = kind.schema.names
    plan = compile(kind, names, tuple(enumerate(names)), ImportOptions(mode=Mode.UPSERT))
    none = np.empty(0, np.int64)
    cells = pl.DataFrame(schema={str(position): pl.String for position in range(len(names))})
    plan.apply(Block(1, none, cells, none, (), lambda _: b"", lambda _: ()))
    _raise_any(_tried(kind.schema))


def shown(field: Field, cell: str | None) -> str:
    """What an issue shows of a cell: its text, cut, or a mask where the field is sensitive."""
    if field.sensitive:
        return MASK
    text = (cell or "").replace("\0", "\ufffd")
    return text if len(text) <= VALUE_CHARACTERS else text[: VALUE_CHARACTERS - 1] + "…"


def legible(record: bytes) -> str:
    """The text of a record; what is no text, and NUL, which no column of text holds, are replaced."""
    return record.decode("utf-8", "replace").replace("\0", "\ufffd")


# Compiling ------------------------------------------------------------------------------------------------------------


def _column(source: Source, rank: int, schema: Schema, options: ImportOptions, *, typed: bool) -> _Column:
    cell, mark = f"{rank} text", f"{rank} typed" if typed and source.column is not None else None
    field = source.field

    def read(told: Set[Sign]) -> Reading:
        return reading(field, options, pl.col(cell), told, None if mark is None else pl.col(mark))

    return _Column(
        source=source,
        rank=rank * RANKS,
        cell=cell,
        mark=mark,
        text=texts(field, schema.missing_values, pl.col(source.cell), None if mark is None else pl.col(mark)).alias(
            cell
        ),
        gone=gone(field, schema.missing_values, pl.col(source.cell)),
        reading=read(frozenset()),
        demands=demands(field, pl.col(field.name)),
        reread=read if undecided(field, options.decimal_sign) else None,
    )


def _rules(schema: Schema) -> tuple[tuple[Judge, ...], list[Pointed]]:
    judges, faults = list[Judge](), list[Pointed]()
    for index, rule in enumerate(schema.rules):
        try:
            judges.append(judge(rule, schema))
        except Misdeclared as error:
            faults.append(_pointed_rule(index, rule, error))
    return tuple(judges), faults


def _tried(schema: Schema) -> list[Pointed]:
    """What is wrong with the functions of rules."""
    faults = list[Pointed]()
    for index, rule in enumerate(schema.rules):
        try:
            try_on_nothing(rule, schema)
        except Misdeclared as error:
            faults.append(_pointed_rule(index, rule, error))
    return faults


def _pointed_rule(index: int, rule: Rule, error: Misdeclared) -> Pointed:
    return Pointed(f"Rule {rule.code}: {error.detail}", f"/rules/{index}/{error.member}")


def _pointed_field(schema: Schema, field: Field, error: Misdeclared) -> Pointed:
    pointer = f"/schema/fields/{schema.names.index(field.name)}/{error.member}"
    return Pointed(f"Field {field.name}: {error.detail}", pointer)


def _raise_any(faults: list[Pointed]) -> None:
    if faults:
        reason = "; ".join(fault.detail for fault in faults) + "."
        raise InvalidDeclaration(errors=tuple(faults), reason=reason)


# Faults ---------------------------------------------------------------------------------------------------------------


def _unsure(column: _Column, text: pl.DataFrame, values: pl.DataFrame) -> bool:
    """Whether a cell of the column was not read that may be read once the whole column has told of its signs."""
    given, value = text[column.cell], values[column.name]
    if value.null_count() == given.null_count():
        return False
    unread = text.filter(value.is_null() & given.is_not_null())
    return bool(unread.select(unsure(column.source.field, column.stated()).any()).item())


def _mask(block: Block, column: _Column) -> pl.Series:
    """The rows whose cell of this column is an error of a spreadsheet."""
    mask = np.zeros(block.cells.height, np.bool_)
    mask[block.cell_errors[column.source.cell]] = True
    return pl.Series(mask)


def _marked(block: Block, cell: str) -> pl.Expr | pl.Series:
    return block.typed[cell] if block.typed is not None and cell in block.typed.columns else pl.lit(value=False)


def _still_typed(block: Block, cells: pl.DataFrame) -> pl.DataFrame | None:
    """Which cells are typed once defaults stand in some: the text of a default is read as the options say."""
    if block.typed is None:
        return None
    return block.typed.with_columns(
        block.typed[name] & (block.cells[name] == cells[name]) for name in block.typed.columns
    )


def _unread(column: _Column, text: pl.DataFrame, values: pl.DataFrame, block: Block) -> list[_Fault]:
    """Cells of one field that are an error of a spreadsheet, or are empty and may not be, or have a text that is no value."""
    given, value = text[column.cell], values[column.name]
    found = list[_Fault]()
    lacking = given.is_null() if column.source.field.required and given.null_count() > 0 else None
    if column.source.cell in block.cell_errors:
        spoilt = _mask(block, column)
        lacking = None if lacking is None else lacking & ~spoilt
        found.append(_Fault(spoilt, column, column.rank, _same(RowCode.CELL_ERROR, {})))
    if lacking is not None:
        found.append(_Fault(lacking, column, column.rank, _same(RowCode.REQUIRED, {})))
    if value.null_count() > given.null_count():
        mask = value.is_null() & given.is_not_null()
        found.append(_Fault(mask, column, column.rank, _reasoned(column, text)))
    return found


def _same(code: str, arguments: Mapping[str, object]) -> Callable[[npt.NDArray[np.uint32]], _Told]:
    return lambda at: [(code, arguments)] * len(at)


def _reasoned(column: _Column, text: pl.DataFrame) -> Callable[[npt.NDArray[np.uint32]], _Told]:
    """Tells of unread cells by the first reason that holds."""
    read = column.reading
    kind = str(column.source.field.type)
    answers: _Told = [(reason.code, {"type": kind} | dict(reason.arguments)) for reason in read.reasons]
    answers.append((RowCode.TYPE_ERROR, {"type": kind, "hint": read.hint}))
    number = pl.lit(len(read.reasons))
    for index, reason in reversed(list(enumerate(read.reasons))):
        number = pl.when(reason.when.fill_null(value=False)).then(pl.lit(index)).otherwise(number)

    def told(at: npt.NDArray[np.uint32]) -> _Told:
        # Lazily, because only then the engine finds what the reasons have in common.
        asked = text.select([name for name in (column.cell, column.mark) if name is not None])[at]
        numbers = asked.lazy().with_columns(number.alias("number")).collect()["number"]
        return [answers[one] for one in numbers.to_list()]

    return told


def _demanded(demand: Demand, values: pl.Series) -> Callable[[npt.NDArray[np.uint32]], _Told]:
    if not demand.measured:
        return _same(demand.code, demand.arguments)

    def told(at: npt.NDArray[np.uint32]) -> _Told:
        lengths = values.gather(at).str.len_chars().to_list()
        return [(demand.code, {**demand.arguments, "length": length}) for length in lengths]

    return told


def _any(masks: Iterable[pl.Series], height: int) -> pl.Series:
    total = np.zeros(height, np.bool_)
    for mask in masks:
        total |= mask.to_numpy()
    return pl.Series(total)


def _faulty(faults: list[_Fault], height: int) -> dict[str, pl.Series]:
    by_name = dict[str, list[pl.Series]]()
    for fault in faults:
        if fault.column is not None and fault.rule is None:
            by_name.setdefault(fault.column.name, []).append(fault.mask)
    return {name: _any(masks, height) for name, masks in by_name.items()}


def _issues(block: Block, faults: list[_Fault]) -> list[RowIssue]:
    """The issues of a block in the order of its rows; several of one row in the order of their ranks."""
    records = dict[int, str]()
    uncut = [_Subject().issue(block, one.position, records, (one.code, one.arguments), None) for one in block.faults]
    issues = list[RowIssue](uncut)
    ranks = [np.full(len(uncut), -1)]
    for fault in faults:
        subject = _Subject(fault.rule.field if fault.rule else None, fault.column.source if fault.column else None)
        at = fault.mask.arg_true().to_numpy()
        rows = zip(block.positions[at].tolist(), fault.told(at), subject.cells(block, at), strict=True)
        issues += [subject.issue(block, position, records, told, cell) for position, told, cell in rows]
        ranks.append(np.full(len(at), fault.rank))
    order = np.lexsort((np.concatenate(ranks), np.fromiter((issue.row for issue in issues), np.int64, len(issues))))
    return [issues[at] for at in order.tolist()]


@dataclass(frozen=True, slots=True)
class _Subject:
    """What an issue is about: a field by name, and where its cells are when the file has it."""

    field: str | None = None
    source: Source | None = None

    def cells(self, block: Block, at: npt.NDArray[np.uint32]) -> list[str | None]:
        if self.source is None:
            return [None] * len(at)
        raw: list[str | None] = block.cells[self.source.cell].gather(at).to_list()
        return [shown(self.source.field, cell) for cell in raw]

    def issue(
        self,
        block: Block,
        position: int,
        records: dict[int, str],
        told: tuple[str, Mapping[str, object]],
        value: str | None,
    ) -> RowIssue:
        if position not in records:
            records[position] = legible(block.raw(position))
        code, arguments = told
        return RowIssue(
            row=block.first_row + position,
            line=int(block.lines[position]),
            field=self.source.field.name if self.source else self.field,
            column=self.source.column if self.source else None,
            code=code,
            value=value,
            arguments=arguments if value is None else {"value": value, **arguments},
            outcome="failed",
            record=records[position],
        )
