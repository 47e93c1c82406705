"""Cells of a file become typed values of a kind, or issues: the kind's schema and the mapping, compiled to column expressions."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from rowferry.domain.faults import InvalidDeclaration, Pointed, RowCode
from rowferry.domain.schema import Field, ImportOptions, Mode, Rule, Schema
from rowferry.pipeline.cells import Demand, demands, filled, gone, reading, texts, unmapped
from rowferry.pipeline.checked import Checked, Defect, Source, Told, any_of, faulty, issues, same
from rowferry.pipeline.literals import dtype
from rowferry.pipeline.numbers import SIGNS, Sign, ambiguous, telling, undecided, unsure
from rowferry.pipeline.reading import Misdeclared, Reading
from rowferry.pipeline.rules import Judge, judge, try_on_nothing
from rowferry.ports import Block, ImportKind, Lines

PLANS_KEPT = 64
"""Plans that are kept compiled."""
RANKS = 16
"""Places of the faults of one field within a row."""

Whole = Callable[[], Iterable[Block]]
"""All blocks of a file, from its start."""


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

    def defect(self, mask: pl.Series, rank: int, told: Callable[[npt.NDArray[np.uint32]], Told]) -> Defect:
        """Rows whose value of this field is at fault."""
        return Defect(mask, rank, told, self.source, self.name)

    def questions(self) -> list[pl.Expr]:
        """For each sign, whether a cell can be read with that one only; and how many cells may be two numbers."""
        field, text = self.source.field, unmapped(self.source.field, self.stated())
        tells = [one.any().alias(sign) for sign, one in telling(field, text).items()]
        return [*tells, ambiguous(field, text).sum().alias("twofold")]

    def stated(self) -> pl.Expr:
        """The texts whose reading depends on options: those that are not typed."""
        text = pl.col(self.cell)
        return text if self.mark is None else pl.when(~pl.col(self.mark)).then(text)


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
        values = self._values(text, nul=block.nul)
        if any(_unsure(column, text, values) for column in self._untold):
            self._ask()
            values = self._values(text, nul=block.nul)
        unread = [fault for column in self._columns for fault in _unread(column, text, values, block)]
        faults = [*unread, *self._broken(text.hstack(values), values), *self._judged(values, unread)]
        return Checked(
            first_row=block.first_row,
            lines=block.lines,
            positions=block.positions,
            frame=values.hstack([pl.Series("_row", block.first_row + block.positions, dtype=pl.Int64)]),
            ok=~any_of((fault.mask for fault in faults), values.height),
            issues=issues(block, faults),
            faulty=faulty(faults, values.height),
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
        return replace(block, cells=cells, typed=_still_typed(block, cells), nul=True)

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
        cells = block.cells.with_columns(marks) if marks else block.cells
        text = cells.select(*(column.text for column in columns), *names)
        spoilt = [column for column in columns if column.source.cell in block.cell_errors]
        for column in spoilt:
            text = text.with_columns(pl.when(~_mask(block, column)).then(pl.col(column.cell)).alias(column.cell))
        return text

    def _values(self, text: pl.DataFrame, *, nul: bool) -> pl.DataFrame:
        readings = ((column.name, column.reading) for column in self._columns)
        return text.select(
            [(one.value if nul or one.without_nul is None else one.without_nul).alias(name) for name, one in readings]
        )

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

    def _broken(self, frame: pl.DataFrame, values: pl.DataFrame) -> list[Defect]:
        """What the fields demand of values and do not get."""
        if not self._demands:
            return []
        broken = [demand.broken.fill_null(value=False).alias(key) for key, (_, _, demand) in self._demands.items()]
        masks = frame.select(broken)
        found = list[Defect]()
        for mask in masks:
            if mask.any():
                rank, column, demand = self._demands[mask.name]
                found.append(column.defect(mask, rank, _demanded(demand, values[column.name])))
        return found

    def _judged(self, values: pl.DataFrame, unread: list[Defect]) -> list[Defect]:
        """Rules that rows break. A row is not judged by a rule whose fields it lacks for a fault that is told already."""
        if not self._rules:
            return []
        table = values.with_columns(self._absent)
        suspects = table.select([one.suspected.alias(str(index)) for index, one in enumerate(self._rules)])
        found = list[Defect]()
        for index, one in enumerate(self._rules):
            lacking = [fault.mask for fault in unread if fault.field in one.fields]
            mask = one.broken(table, suspects[str(index)] & ~any_of(lacking, values.height))
            if mask.any():
                blamed = self._sources.get(one.rule.field) if one.rule.field else None
                told = same(one.rule.code, {"message": one.rule.message})
                rank = len(self._columns) * RANKS + index
                found.append(Defect(mask, rank, told, blamed, one.rule.field, of_value=False))
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
    return Plan(*_compiled(kind.schema, columns, mapping, options, typed=typed), whole)


@lru_cache(PLANS_KEPT)
def _compiled(
    schema: Schema,
    columns: tuple[str, ...],
    mapping: tuple[tuple[int, str], ...],
    options: ImportOptions,
    *,
    typed: bool,
) -> tuple[tuple[_Column, ...], tuple[Judge, ...], tuple[Field, ...], tuple[pl.Expr, ...]]:
    """What a plan is made of. The same files come again and again, and to compile takes as long as to read a hundred rows."""
    positions = {name: position for position, name in mapping}
    defaults = dict(options.defaults)
    faults, compiled, fills = list[Pointed](), list[_Column](), list[pl.Expr]()
    for rank, field in enumerate(one for one in schema.fields if one.name in positions or one.name in defaults):
        position = positions.get(field.name)
        cell = f"{field.name} default" if position is None else str(position)
        source = Source(
            replace(field, required=field.required or field.name in options.required),
            cell,
            None if position is None else columns[position],
        )
        if field.name in defaults:
            default = defaults[field.name]
            usual = pl.lit(default) if position is None else filled(field, schema.missing_values, pl.col(cell), default)
            fills.append(usual.alias(cell))
        try:
            compiled.append(_column(source, rank, schema, options, typed=typed))
        except Misdeclared as error:
            faults.append(_pointed_field(schema, field, error))
    rules, wrong = _rules(schema)
    _raiseany_of([*faults, *wrong])
    brought = positions.keys() | defaults.keys()
    absent = tuple(field for field in schema.fields if field.name not in brought)
    if options.mode is Mode.UPDATE:  # what the file does not bring is as it is stored, which nobody knows here
        rules = tuple(rule for rule in rules if rule.fields <= brought)
    return tuple(compiled), rules, absent, tuple(fills)


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
    _raiseany_of(_tried(kind.schema))


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


def _raiseany_of(faults: list[Pointed]) -> None:
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


def _unread(column: _Column, text: pl.DataFrame, values: pl.DataFrame, block: Block) -> list[Defect]:
    """Cells of one field that are an error of a spreadsheet, or are empty and may not be, or have a text that is no value."""
    given, value = text[column.cell], values[column.name]
    found = list[Defect]()
    lacking = given.is_null() if column.source.field.required and given.null_count() > 0 else None
    if column.source.cell in block.cell_errors:
        spoilt = _mask(block, column)
        lacking = None if lacking is None else lacking & ~spoilt
        found.append(column.defect(spoilt, column.rank, same(RowCode.CELL_ERROR, {})))
    if lacking is not None:
        found.append(column.defect(lacking, column.rank, same(RowCode.REQUIRED, {})))
    if value.null_count() > given.null_count():
        mask = value.is_null() & given.is_not_null()
        found.append(column.defect(mask, column.rank, _reasoned(column, text)))
    return found


def _reasoned(column: _Column, text: pl.DataFrame) -> Callable[[npt.NDArray[np.uint32]], Told]:
    """Tells of unread cells by the first reason that holds."""
    read = column.reading
    kind = str(column.source.field.type)
    answers: Told = [(reason.code, {"type": kind} | dict(reason.arguments)) for reason in read.reasons]
    answers.append((RowCode.TYPE_ERROR, {"type": kind, "hint": read.hint}))
    number = pl.lit(len(read.reasons))
    for index, reason in reversed(list(enumerate(read.reasons))):
        number = pl.when(reason.when.fill_null(value=False)).then(pl.lit(index)).otherwise(number)

    def told(at: npt.NDArray[np.uint32]) -> Told:
        # Lazily, because only then the engine finds what the reasons have in common.
        asked = text.select([name for name in (column.cell, column.mark) if name is not None])[at]
        numbers = asked.lazy().with_columns(number.alias("number")).collect()["number"]
        return [answers[one] for one in numbers.to_list()]

    return told


def _demanded(demand: Demand, values: pl.Series) -> Callable[[npt.NDArray[np.uint32]], Told]:
    if not demand.measured:
        return same(demand.code, demand.arguments)

    def told(at: npt.NDArray[np.uint32]) -> Told:
        lengths = values.gather(at).str.len_chars().to_list()
        return [(demand.code, {**demand.arguments, "length": length}) for length in lengths]

    return told
