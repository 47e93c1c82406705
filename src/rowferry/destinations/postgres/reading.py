"""Streams a tenant's rows of a kind by a cursor of the database, as JSON values or as cells of a file."""

import json
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_loads

from rowferry.destinations.postgres.statements import OWN
from rowferry.destinations.postgres.tables import TYPES, table
from rowferry.domain.access import TenantId
from rowferry.domain.faults import Invalid
from rowferry.domain.schema import Field, FieldType, ImportKind
from rowferry.ports import Filter, Texts

BIGINT = range(-(2**63), 2**63)
OPERATORS: Mapping[str, sql.SQL] = {"eq": sql.SQL("="), "gte": sql.SQL(">="), "lte": sql.SQL("<=")}
ISO = 'YYYY-MM-DD"T"HH24:MI:SS'
DIRECTIVES: Mapping[str, str] = {"Y": "YYYY", "m": "MM", "d": "DD", "H": "HH24", "M": "MI", "S": "SS", "f": "US"}
"""Directives of a field's strptime pattern and what `to_char` calls them."""
OURS = (Field("_job_id"), Field("_row", FieldType.INTEGER))
"""What each row has besides its fields: the job that wrote it last, and which row of its file it was."""

Connect = Callable[[], AbstractContextManager[psycopg.Connection[TupleRow]]]


class PostgresReading:
    """A tenant's rows of one kind (ports.Reading).

    Args:
        connect: gives a connection of a role that the row policies bind.
        kind: whose rows.
        tenant: whose rows.
        filters: conditions that all must hold.

    Raises:
        Invalid: a filter names no field, or its value is not of the field's type.
    """

    def __init__(self, connect: Connect, kind: ImportKind, tenant: TenantId, filters: Sequence[Filter] = ()) -> None:
        self._connect = connect
        self._kind = kind
        self._tenant = tenant
        self._key = order(kind)
        self._conditions = [OWN, *(condition(kind, one) for one in filters)]

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields, in the kind's order."""
        return self._kind.schema.names

    def count(self) -> int:
        """How many rows there are now."""
        statement = sql.SQL("select count(*) from {} d where {}").format(table(self._kind), self._where(None))
        with self._transaction() as connection:
            row = connection.execute(statement).fetchone()
        return int(row[0]) if row else 0

    @contextmanager
    def batches(self, after: Sequence[object] | None, size: int) -> Generator[Iterator[Sequence[Mapping[str, object]]]]:
        """Batches of rows ordered by key, after the row with the key `after`, by a cursor of the database."""
        names = (*self.fields, "_job_id", "_row")
        columns = [shown(field) for field in (*self._kind.schema.fields, *OURS)]
        with self._rows(columns, after, size) as batches:
            yield ([dict(zip(names, row, strict=True)) for row in batch] for batch in batches)

    @contextmanager
    def values(
        self, after: Sequence[object] | None, size: int
    ) -> Generator[Iterator[Sequence[Mapping[str, str | None]]]]:
        """The same as canonical texts: digits with a point, `true` and `false`, ISO 8601 in UTC, JSON as it is stored."""
        names = (*self.fields, "_job_id", "_row")
        columns = [sql.SQL("({})::text").format(shown(field)) for field in (*self._kind.schema.fields, *OURS)]
        with self._rows(columns, after, size) as batches:
            yield ([dict(zip(names, row, strict=True)) for row in batch] for batch in batches)

    @contextmanager
    def texts(self, after: Sequence[object] | None, size: int) -> Generator[Iterator[Texts]]:
        """The same as texts that an import into the kind reads back as the very values that are stored."""
        with self._rows(texts_columns(self._kind), after, size) as batches:
            yield (texts_of(self._kind, batch) for batch in batches)

    def key_of(self, row: Mapping[str, object]) -> list[object]:
        """What `after` takes to go on behind this row."""
        return [row[name] for name in self._key]

    @contextmanager
    def _transaction(self) -> Generator[psycopg.Connection[TupleRow]]:
        with self._connect() as connection, connection.transaction():
            connection.execute("select set_config('rowferry.tenant', %s, true)", [str(self._tenant)])
            yield connection

    @contextmanager
    def _rows(
        self, shown: Sequence[sql.Composable], after: Sequence[object] | None, size: int
    ) -> Generator[Iterator[list[TupleRow]]]:
        statement = sql.SQL("select {} from {} d where {} order by {}").format(
            sql.SQL(", ").join(shown),
            table(self._kind),
            self._where(after),
            by_key(self._kind),
        )
        with self._transaction() as connection, connection.cursor("rows") as cursor:
            set_json_loads(read_json, cursor)
            cursor.execute(statement)

            def batches() -> Iterator[list[TupleRow]]:
                while batch := cursor.fetchmany(size):
                    yield batch

            yield batches()

    def _where(self, after: Sequence[object] | None) -> sql.Composed:
        conditions: list[sql.Composable] = list(self._conditions)
        if after is not None:
            conditions.append(behind(self._kind, after))
        return sql.SQL(" and ").join(conditions)


# Places ---------------------------------------------------------------------------------------------------------------


def order(kind: ImportKind) -> tuple[str, ...]:
    """The columns by which rows of the kind are ordered: its key, or what tells rows without one apart."""
    return kind.schema.primary_key or ("_job_id", "_row")


def by_key(kind: ImportKind) -> sql.Composed:
    """These columns, one after another."""
    return sql.SQL(", ").join(sql.SQL("d.{}").format(sql.Identifier(name)) for name in order(kind))


def behind(kind: ImportKind, after: Sequence[object]) -> sql.Composed:
    """Holds for rows behind the key `after`.

    Raises:
        Invalid: it is no key of the kind.
    """
    names = order(kind)
    if len(after) != len(names):
        raise Invalid(reason="The place to go on from is none of this kind.")
    values = [_value(_field(kind, name), _given(value)) for name, value in zip(names, after, strict=True)]
    return sql.SQL("({}) > ({})").format(by_key(kind), sql.SQL(", ").join(values))


def _field(kind: ImportKind, name: str) -> Field:
    return next(field for field in (*kind.schema.fields, *OURS) if field.name == name)


# Values out -----------------------------------------------------------------------------------------------------------


def texts_columns(kind: ImportKind) -> list[sql.Composed]:
    """The fields as cells, then the key as JSON values: the rows that `texts_of` takes."""
    missing = kind.schema.missing_values
    empty = sql.Literal("" if "" in missing or not missing else missing[0])
    cells = [sql.SQL("coalesce({}, {})").format(cell(field), empty) for field in kind.schema.fields]
    return cells + [shown(_field(kind, name)) for name in order(kind)]


def texts_of(kind: ImportKind, rows: Sequence[TupleRow]) -> Texts:
    """Some rows as cells of a file, and the key of the last of them."""
    width = len(kind.schema.fields)
    return Texts([row[:width] for row in rows], list(rows[-1][width:]) if rows else [])


def shown(field: Field) -> sql.Composed:
    """The field as a JSON value: decimals as text, dates and times as ISO 8601, the fraction of a second where there is one."""
    column = sql.SQL("d.{}").format(sql.Identifier(field.name))
    if field.name == "_job_id":
        return sql.SQL("{}::text").format(column)
    match field.type:
        case FieldType.NUMBER:
            return _number(field)
        case FieldType.DATE | FieldType.TIME:
            return sql.SQL("{}::text").format(column)
        case FieldType.DATETIME:
            return _moment(column)
        case FieldType.STRING | FieldType.INTEGER | FieldType.BOOLEAN | FieldType.OBJECT | FieldType.ARRAY:
            return column


def cell(field: Field) -> sql.Composed:
    """The field as a cell that its declaration reads back: its marks, its words, its pattern."""
    column = sql.SQL("d.{}").format(sql.Identifier(field.name))
    match field.type:
        case FieldType.NUMBER:
            return _marked(field)
        case FieldType.BOOLEAN:
            yes, no = sql.Literal(field.true_values[0]), sql.Literal(field.false_values[0])
            return sql.SQL("case when {0} then {1} when not {0} then {2} end").format(column, yes, no)
        case FieldType.DATE | FieldType.DATETIME | FieldType.TIME if "%" in field.format:
            return _patterned(field, column)
        case FieldType.DATETIME:
            return _moment(column)
        case _:
            return sql.SQL("{}::text").format(column)


def _number(field: Field) -> sql.Composed:
    text = "d.{}::text" if field.scale is not None else "trim_scale(d.{})::text"
    return sql.SQL(text).format(sql.Identifier(field.name))


def _marked(field: Field) -> sql.Composed:
    """A number with the marks of its field. Where those are not said, 1.234 could be two numbers, and 1.2340 is one."""
    if field.decimal_char not in {None, "."}:
        return sql.SQL("replace({}, '.', {})").format(_number(field), sql.Literal(field.decimal_char))
    if field.decimal_char is None and field.group_char is None:
        twofold = sql.Literal(r"^-?[1-9][0-9]{0,2}\.[0-9]{3}$")
        return sql.SQL("regexp_replace({}, {}, {})").format(_number(field), twofold, sql.Literal(r"\&0"))
    return _number(field)


def _moment(column: sql.Composed) -> sql.Composed:
    return sql.SQL(
        "to_char({0} at time zone 'UTC', case when {0} = date_trunc('second', {0}) then {1}"
        " when {0} = date_trunc('milliseconds', {0}) then {2} else {3} end)"
    ).format(column, sql.Literal(f'{ISO}"Z"'), sql.Literal(f'{ISO}.MS"Z"'), sql.Literal(f'{ISO}.US"Z"'))


def _patterned(field: Field, column: sql.Composed) -> sql.Composed:
    """A date or time in the field's own pattern; one without a zone is in the field's zone."""
    zoned = "%z" in field.format
    parts = re.split(r"%(.)", field.format)
    made = [
        (part and f'"{_quoted(part)}"') if position % 2 == 0 else DIRECTIVES.get(part, '"+0000"')
        for position, part in enumerate(parts)
    ]
    zone = sql.Literal("UTC" if zoned or field.timezone is None else field.timezone)
    local = sql.SQL("{} at time zone {}").format(column, zone) if field.type is FieldType.DATETIME else column
    return sql.SQL("to_char({}, {})").format(local, sql.Literal("".join(made)))


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def read_json(text: str | bytes) -> object:
    return json.loads(text, parse_float=_float)


def _float(text: str) -> float | str:
    """A number inside an object: itself where a double holds it exactly, its text otherwise."""
    return float(text) if Decimal(repr(float(text))) == Decimal(text) else text


# Values in ------------------------------------------------------------------------------------------------------------


def condition(kind: ImportKind, one: Filter, alias: str = "d") -> sql.Composed:
    """Holds for rows of the kind that fit the filter.

    Raises:
        Invalid: it names no field, or a value is not of the field's type.
    """
    field = next((field for field in (*kind.schema.fields, *OURS) if field.name == one.field), None)
    if field is None:
        raise Invalid(reason=f"The kind {kind.name} has no field {one.field}.")
    if one.operator != "eq" and field.type in {FieldType.OBJECT, FieldType.ARRAY}:
        raise Invalid(reason=f"The field {one.field} has no order.")
    column, value = sql.Identifier(alias, field.name), _read(field, one.value)
    if not one.or_values:
        return sql.SQL("{} {} {}").format(column, OPERATORS[one.operator], _value(field, value))
    values = [value, *(_read(field, other) for other in one.or_values)]
    return sql.SQL("{} = any({}::{}[])").format(column, sql.Literal(values), _type(field))


def _read(field: Field, text: str) -> str:
    try:
        return str(UUID(text)) if field.name == "_job_id" else READERS[field.type](text)
    except ValueError:
        kind_of = "id of a job" if field.name == "_job_id" else field.type
        raise Invalid(reason=f"{text[:100]} is no {kind_of}, as the field {field.name} needs.") from None


def _value(field: Field, text: str) -> sql.Composed:
    return sql.SQL("{}::{}").format(sql.Literal(text), _type(field))


def _type(field: Field) -> sql.SQL:
    return sql.SQL("uuid") if field.name == "_job_id" else TYPES[field.type]


def _given(value: object) -> str:
    match value:
        case str():
            return value
        case bool() | dict() | list():
            return json.dumps(value)
        case _:
            return str(value)


def _text(text: str) -> str:
    if "\0" in text:
        raise ValueError("PostgreSQL stores no NUL")
    return text


def _integer(text: str) -> str:
    if not re.fullmatch("[+-]?[0-9]{1,19}", text) or int(text) not in BIGINT:
        raise ValueError("no integer of 64 bits")
    return text


def _decimal(text: str) -> str:
    if not re.fullmatch(r"[+-]?[0-9]{1,100}(\.[0-9]{1,100})?", text):
        raise ValueError("no decimal number")
    return text


def _truth(text: str) -> str:
    if text not in {"true", "false"}:
        raise ValueError("neither true nor false")
    return text


def _day(text: str) -> str:
    return date.fromisoformat(text).isoformat()


def _moment_of(text: str) -> str:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def _clock(text: str) -> str:
    return time.fromisoformat(text).replace(tzinfo=None).isoformat()


def _document(text: str) -> str:
    json.loads(_text(text))
    return text


READERS: Mapping[FieldType, Callable[[str], str]] = {
    FieldType.STRING: _text,
    FieldType.INTEGER: _integer,
    FieldType.NUMBER: _decimal,
    FieldType.BOOLEAN: _truth,
    FieldType.DATE: _day,
    FieldType.DATETIME: _moment_of,
    FieldType.TIME: _clock,
    FieldType.OBJECT: _document,
    FieldType.ARRAY: _document,
}
"""How the value of a filter is read: its text for PostgreSQL, or ValueError."""
