"""The SQL conditions that rules are written in: an allow-list of their grammar and types, then handed to Polars in a form of our own."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, time
from enum import StrEnum

import polars as pl

from rowferry.domain.schema import Field, FieldType
from rowferry.pipeline.literals import DIGITS, digits, dtype, instant

CHARACTERS_MAX = 2_000
NESTING_MAX = 24


class InvalidCondition(Exception):
    """Why a condition is none that a rule may have."""


class Kind(StrEnum):
    """What a part of a condition is."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Condition:
    """A boolean expression over typed fields, null where SQL says so, and the fields that it names."""

    expression: pl.Expr
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Term:
    """A part of a condition, written anew. Numbers know how many digits they may need: `whole` before and `scale` behind the point.

    `exact` is False for a quotient, which is a float. `integer`: a column of 64 bits, which would overflow without a word.
    `text` is what a text literal holds: it may turn out to be a date.
    """

    sql: str
    kind: Kind
    whole: int = 0
    scale: int = 0
    exact: bool = True
    integer: bool = False
    text: str | None = None


_TOKEN = re.compile(
    r"""\s*(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|"(?P<quoted>[^"]*)"|(?P<number>[0-9]+(?:\.[0-9]+)?)(?![0-9A-Za-z_.])"""
    r"""|'(?P<text>(?:[^']|'')*)'|(?P<sign><>|!=|<=|>=|[=<>+\-*/(),]))""",
    re.DOTALL,
)
_KEYWORDS = frozenset({"AND", "OR", "NOT", "IS", "NULL", "IN", "BETWEEN", "LIKE", "TRUE", "FALSE"})
_COMPARISONS = frozenset({"=", "<>", "!=", "<", "<=", ">", ">="})
_KINDS: Mapping[FieldType, Kind] = {
    FieldType.STRING: Kind.TEXT,
    FieldType.INTEGER: Kind.NUMBER,
    FieldType.NUMBER: Kind.NUMBER,
    FieldType.BOOLEAN: Kind.BOOLEAN,
    FieldType.DATE: Kind.DATE,
    FieldType.DATETIME: Kind.DATETIME,
    FieldType.TIME: Kind.TIME,
    FieldType.OBJECT: Kind.DOCUMENT,
    FieldType.ARRAY: Kind.DOCUMENT,
}


def condition(sql: str, fields: tuple[Field, ...]) -> Condition:
    """Reads a condition over fields and literals.

    It may have comparisons, `AND`, `OR`, `NOT`, `IS NULL`, `IN`, `BETWEEN`, `LIKE`, `+ - * /`, and the functions `LENGTH`, `LOWER`,
    `UPPER`, `TRIM`, `ABS`, `COALESCE`, `YEAR`, `MONTH`, `DAY`.

    Dates, times and datetimes are compared with texts in ISO 8601 (a datetime without a zone is UTC). Numbers are exact; only a
    quotient is a float. What is not in this list is refused: Polars' own reader takes subqueries and aggregates.

    Raises:
        InvalidCondition: it says what and where.
    """
    parser = _Parser(sql, {field.name: field for field in fields})
    term = parser.read()
    try:
        expression = pl.sql_expr(term.sql)
    except pl.exceptions.SQLInterfaceError:  # what is written here is SQL; Polars' reader only bears less depth
        raise InvalidCondition("is nested too deep") from None
    try:
        empty = pl.LazyFrame(schema={field.name: dtype(field) for field in fields})
        answer = empty.select(expression.alias("answer")).collect_schema()["answer"]
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise InvalidCondition(str(error).splitlines()[0]) from None
    if answer != pl.Boolean:
        raise InvalidCondition("is neither true nor false")
    return Condition(expression, frozenset(parser.named))


class _Parser:
    """Recursive descent; each method reads one level of precedence and gives the part that it has read."""

    def __init__(self, sql: str, fields: Mapping[str, Field]) -> None:
        if len(sql) > CHARACTERS_MAX:
            raise InvalidCondition(f"has more than {CHARACTERS_MAX} characters")
        self._fields = fields
        self._tokens = _tokens(sql)
        self._at = 0
        self._depth = 0
        self.named = set[str]()

    def read(self) -> _Term:
        term = self._boolean(self._or())
        if self._at < len(self._tokens):
            raise InvalidCondition(f"what is {self._word()} doing here?")
        if not self.named:
            raise InvalidCondition("names no field")
        return term

    # Tokens -----------------------------------------------------------------------------------------------------------

    def _word(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else "the end"

    def _is(self, *words: str) -> bool:
        if self._at >= len(self._tokens):
            return False
        sort, text = self._tokens[self._at]
        return sort in {"name", "sign"} and text.upper() in words

    def _take(self, *words: str) -> str | None:
        if not self._is(*words):
            return None
        self._at += 1
        return self._tokens[self._at - 1][1].upper()

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise InvalidCondition(f"{word} is missing before {self._word()}")

    # Truth ------------------------------------------------------------------------------------------------------------

    def _boolean(self, term: _Term) -> _Term:
        if term.kind is not Kind.BOOLEAN:
            raise InvalidCondition(f"{term.sql} is a {term.kind}, neither true nor false")
        return term

    def _or(self) -> _Term:
        self._depth += 1
        if self._depth > NESTING_MAX:
            raise InvalidCondition("is nested too deep")
        term = self._chain("OR", self._and)
        self._depth -= 1
        return term

    def _and(self) -> _Term:
        return self._chain("AND", self._not)

    def _chain(self, word: str, part: Callable[[], _Term]) -> _Term:
        parts = [part()]
        while self._take(word):
            parts.append(part())
        if len(parts) == 1:
            return parts[0]
        return _truth(_joined([self._boolean(one).sql for one in parts], word))

    def _not(self) -> _Term:
        negated = False
        while self._take("NOT"):
            negated = not negated
        term = self._predicate()
        return _truth(f"NOT ({self._boolean(term).sql})") if negated else term

    def _predicate(self) -> _Term:
        term = self._sum()
        if (sign := self._take(*_COMPARISONS)) is not None:
            left, right = _alike(term, self._sum())
            return _truth(f"({left.sql}) {'<>' if sign == '!=' else sign} ({right.sql})")
        if self._take("IS"):
            return self._is_what(term)
        denied = self._take("NOT") is not None
        if self._take("IN"):
            found = self._within(term)
        elif self._take("BETWEEN"):
            if term.kind is Kind.BOOLEAN:  # it is written twice, and what it holds might again be
                raise InvalidCondition("BETWEEN is for what has an order, not for true and false")
            lower = self._sum()
            self._need("AND")
            least, greatest = _alike(term, lower), _alike(term, self._sum())
            found = f"({least[0].sql}) >= ({least[1].sql}) AND ({greatest[0].sql}) <= ({greatest[1].sql})"
        elif self._take("LIKE"):
            found = self._like(term)
        elif denied:
            raise InvalidCondition(f"NOT is followed by {self._word()}")
        else:
            return term
        return _truth(f"NOT ({found})" if denied else found)

    def _is_what(self, term: _Term) -> _Term:
        denied = "NOT " if self._take("NOT") else ""
        word = self._take("NULL", "TRUE", "FALSE")
        if word is None:
            raise InvalidCondition(f"IS is followed by {self._word()}")
        if word == "NULL":
            return _truth(f"({term.sql}) IS {denied}NULL")
        # Polars answers null for `null IS TRUE`, SQL answers false.
        is_it = self._boolean(term).sql if word == "TRUE" else f"NOT ({self._boolean(term).sql})"
        return _truth(f"{denied}(COALESCE({is_it}, FALSE))")

    def _within(self, term: _Term) -> str:
        self._need("(")
        values = [self._literal()]
        while self._take(","):
            values.append(self._literal())
        self._need(")")
        return f"({term.sql}) IN ({', '.join(_alike(term, value)[1].sql for value in values)})"

    def _like(self, term: _Term) -> str:
        pattern = self._literal()
        if term.kind is not Kind.TEXT or pattern.text is None:
            raise InvalidCondition("LIKE is for a text and a pattern in quotes")
        return f"({term.sql}) LIKE {pattern.sql}"

    # Values -----------------------------------------------------------------------------------------------------------

    def _sum(self) -> _Term:
        term = self._product()
        while (sign := self._take("+", "-")) is not None:
            term = _sum_of(term, sign, self._product())
        return term

    def _product(self) -> _Term:
        term = self._signed()
        while (sign := self._take("*", "/")) is not None:
            other = self._signed()
            term = _product_of(term, other) if sign == "*" else _quotient_of(term, other)
        return term

    def _signed(self) -> _Term:
        negative = False
        while self._is("+", "-"):
            negative = negative != (self._take("+", "-") == "-")
        term = self._primary()
        if not negative:
            return term
        counted = _counted(term)
        return replace(counted, sql=f"-{counted.sql}" if term.sql.replace(".", "").isdigit() else f"-({counted.sql})")

    def _literal(self) -> _Term:
        negative = self._take("-") is not None
        sort = self._tokens[self._at][0] if self._at < len(self._tokens) else "end"
        if sort not in {"number", "text"} and not self._is("TRUE", "FALSE"):
            raise InvalidCondition(f"a literal is missing before {self._word()}")
        term = self._primary()
        return replace(_counted(term), sql=f"-{term.sql}") if negative else term

    def _primary(self) -> _Term:
        if self._take("("):
            term = self._or()
            self._need(")")
            return term if term.text is not None else replace(term, sql=f"({term.sql})")
        if (word := self._take("TRUE", "FALSE")) is not None:
            return _truth(word)
        if self._at >= len(self._tokens):
            raise InvalidCondition("ends too early")
        sort, text = self._tokens[self._at]
        self._at += 1
        if sort == "number":
            return _number(text)
        if sort == "text":
            return _Term(_quoted(text), Kind.TEXT, text=text)
        if sort == "sign" or (sort == "name" and text.upper() in _KEYWORDS):
            raise InvalidCondition(f"{text} stands where a value is expected")
        if sort == "name" and self._take("("):
            return self._call(text.upper())
        return self._field(text)

    def _field(self, name: str) -> _Term:
        field = self._fields.get(name)
        if field is None:
            raise InvalidCondition(f"there is no field {name}")
        self.named.add(name)
        whole, scale = 0, 0
        if field.type is FieldType.INTEGER:
            whole = 19
        elif field.type is FieldType.NUMBER:
            precision, scale = digits(field)
            whole = precision - scale
        return _Term(f'"{name}"', _KINDS[field.type], whole, scale, integer=field.type is FieldType.INTEGER)

    def _call(self, function: str) -> _Term:
        parts = [self._or()]
        while self._take(","):
            parts.append(self._or())
        self._need(")")
        if function == "COALESCE":
            return _coalesced(parts)
        if len(parts) != 1:
            raise InvalidCondition(f"{function} takes one value")
        return _called(function, parts[0])


def _tokens(sql: str) -> list[tuple[str, str]]:
    found, at = list[tuple[str, str]](), 0
    end = len(sql.rstrip())
    while at < end:
        match = _TOKEN.match(sql, at, end)
        if match is None or match.lastgroup is None:
            raise InvalidCondition(f"cannot be read from {sql[at : at + 20].strip()!r} on")
        text = match.group(match.lastgroup)
        found.append((match.lastgroup, text.replace("''", "'") if match.lastgroup == "text" else text))
        at = match.end()
    return found


def _truth(sql: str) -> _Term:
    return _Term(sql, Kind.BOOLEAN)


def _joined(parts: list[str], word: str) -> str:
    """The parts as a flat tree: a chain as deep as it is long takes Polars a second to plan."""
    if len(parts) == 1:
        return f"({parts[0]})"
    half = len(parts) // 2
    return f"({_joined(parts[:half], word)} {word} {_joined(parts[half:], word)})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _number(text: str) -> _Term:
    whole, _, behind = text.partition(".")
    return _sized(_Term(text, Kind.NUMBER, len(whole.lstrip("0")), len(behind)))


def _sized(term: _Term) -> _Term:
    """Decimals that may overflow would end the whole import at some row, so they are refused when declared."""
    if term.exact and term.whole + term.scale > DIGITS:
        raise InvalidCondition(
            f"{term.sql} may need more than {DIGITS} digits; give its fields a precision and a scale"
        )
    return term


def _alike(left: _Term, right: _Term) -> tuple[_Term, _Term]:
    """Both sides of a comparison, with a text read as what the other side is."""
    if left.text is not None and right.text is None:
        left = _as_kind(left, right.kind)
    elif right.text is not None and left.text is None:
        right = _as_kind(right, left.kind)
    if left.kind is not right.kind:
        raise InvalidCondition(f"{left.sql} is a {left.kind}, {right.sql} is a {right.kind}")
    if left.kind is Kind.DOCUMENT:
        raise InvalidCondition(f"{left.sql} can only be asked whether it IS NULL")
    return left, right


def _as_kind(literal: _Term, kind: Kind) -> _Term:
    text = literal.text or ""
    try:
        if kind is Kind.DATE:
            return _Term(f"DATE '{date.fromisoformat(text).isoformat()}'", kind)
        if kind is Kind.TIME:
            return _Term(f"TIME '{time.fromisoformat(text).replace(tzinfo=None).isoformat()}'", kind)
        if kind is Kind.DATETIME:
            moment = instant(text).astimezone(UTC).isoformat(" ", "microseconds")
            return _Term(f"TIMESTAMP WITH TIME ZONE '{moment}'", kind)
    except ValueError:
        raise InvalidCondition(f"{literal.sql} is no {kind} in ISO 8601") from None
    return literal


def _counted(term: _Term) -> _Term:
    """A number ready for arithmetic: 64 bits would wrap around, decimals do not."""
    if term.kind is not Kind.NUMBER:
        raise InvalidCondition(f"{term.sql} is a {term.kind}, no number")
    return replace(term, sql=f"CAST({term.sql} AS DECIMAL({DIGITS}, 0))", integer=False) if term.integer else term


def _floating(term: _Term) -> str:
    return f"CAST({_counted(term).sql} AS DOUBLE)" if term.exact else term.sql


def _sum_of(left: _Term, sign: str, right: _Term) -> _Term:
    left, right = _counted(left), _counted(right)
    if not (left.exact and right.exact):
        return _Term(f"({_floating(left)} {sign} {_floating(right)})", Kind.NUMBER, exact=False)
    whole, scale = max(left.whole, right.whole) + 1, max(left.scale, right.scale)
    return _sized(_Term(f"({left.sql} {sign} {right.sql})", Kind.NUMBER, whole, scale))


def _product_of(left: _Term, right: _Term) -> _Term:
    left, right = _counted(left), _counted(right)
    if not (left.exact and right.exact):
        return _Term(f"({_floating(left)} * {_floating(right)})", Kind.NUMBER, exact=False)
    return _sized(_Term(f"({left.sql} * {right.sql})", Kind.NUMBER, left.whole + right.whole, left.scale + right.scale))


def _quotient_of(left: _Term, right: _Term) -> _Term:
    return _Term(f"({_floating(left)} / NULLIF({_floating(right)}, 0))", Kind.NUMBER, exact=False)


def _coalesced(parts: list[_Term]) -> _Term:
    first = next((part for part in parts if part.text is None), parts[0])
    alike = [_alike(first, part)[1] for part in parts]
    if first.kind is not Kind.NUMBER:
        return replace(first, sql=f"COALESCE({', '.join(part.sql for part in alike)})", text=None)
    if not all(part.exact for part in parts):
        return _Term(f"COALESCE({', '.join(_floating(part) for part in alike)})", Kind.NUMBER, exact=False)
    counted = [_counted(part) for part in alike]
    whole, scale = max(part.whole for part in counted), max(part.scale for part in counted)
    return _sized(_Term(f"COALESCE({', '.join(part.sql for part in counted)})", Kind.NUMBER, whole, scale))


def _called(function: str, term: _Term) -> _Term:
    if function in {"LOWER", "UPPER", "TRIM", "LENGTH", "CHAR_LENGTH"} and term.kind is Kind.TEXT:
        if "LENGTH" in function:
            return _Term(f"CAST(CHAR_LENGTH({term.sql}) AS BIGINT)", Kind.NUMBER, whole=10, integer=True)
        return _Term(f"{function}({term.sql})", Kind.TEXT)
    if function == "ABS" and term.kind is Kind.NUMBER:
        counted = _counted(term)
        return replace(counted, sql=f"ABS({counted.sql})")
    if function in {"YEAR", "MONTH", "DAY"} and term.kind in {Kind.DATE, Kind.DATETIME}:
        return _Term(f"CAST({function}({term.sql}) AS BIGINT)", Kind.NUMBER, whole=4, integer=True)
    known = "LENGTH, LOWER, UPPER, TRIM of a text, ABS of a number, YEAR, MONTH, DAY of a date, COALESCE"
    raise InvalidCondition(f"{function} of a {term.kind} is not known; these are: {known}")
