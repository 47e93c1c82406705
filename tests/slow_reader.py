"""Reads rows of a kind one cell at a time, with plain Python only: what the fast pipeline must agree with.

Nothing here is shared with the product but the declarations (`domain.schema`, `ports.ImportKind`) and the codes.
"""

import json
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

from rowferry.domain.schema import Field, FieldType, ImportOptions, Mode, Normalization
from rowferry.ports import ImportKind

# What Unicode calls white space; Python's own strip() takes \x1c to \x1f as well, which are none.
BLANKS = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
DIGITS = frozenset("0123456789")


@dataclass(frozen=True)
class SheetError:
    """A cell that is an error of a spreadsheet."""

    text: str


Value = int | Decimal | date | time | SheetError
"""What a cell may be that says its value itself; truths are whole numbers to Python, moments are dates."""
Cell = str | Value


class Fault(Exception):
    """A cell has no value; the code says why."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass
class Row:
    """One row: its number, the typed values of its fields (None where empty or faulty), its faults as (field, code) in order."""

    number: int
    values: dict[str, object] = field(default_factory=dict)
    faults: list[tuple[str | None, str]] = field(default_factory=list)

    @property
    def faulty(self) -> set[str | None]:
        return {name for name, _ in self.faults}


def read_rows(
    kind: ImportKind, options: ImportOptions, columns: Sequence[str | None], rows: Sequence[Sequence[Cell]]
) -> list[Row]:
    """The rows, read. `columns` names the field of each column, None for one that is not imported. Numbers count from 1.

    A cell is its text, or the value that it says itself, whatever the options and the format of the field are.
    """
    defaults = dict(options.defaults)
    order = [one for one in kind.schema.fields if one.name in columns or one.name in defaults]
    found = []
    texts = {one.name: texts_of(kind, one, columns, rows, defaults.get(one.name)) for one in order}
    stated = {one.name: with_sign_of_column(one, options, texts[one.name]) for one in order}
    for number in range(1, len(rows) + 1):
        row = Row(number)
        unjudged: set[str] = set()
        for one in order:
            text = texts[one.name][number - 1]
            row.values[one.name] = None
            if text is None:
                if one.required or one.name in options.required:
                    row.faults.append((one.name, "required"))
                    unjudged.add(one.name)
                continue
            try:
                value = typed(one, stated[one.name], text) if isinstance(text, str) else itself(one, options, text)
            except Fault as fault:
                row.faults.append((one.name, fault.code))
                unjudged.add(one.name)
                continue
            row.values[one.name] = value
            row.faults += [(one.name, code) for code in constraints(one, value)]
        absent = set(kind.schema.names) - set(row.values) if options.mode == "update" else set()
        row.faults += broken_rules(kind, row, unjudged | absent)
        found.append(row)
    return found


def find_duplicates(
    kind: ImportKind, options: ImportOptions, rows: Sequence[Row]
) -> list[tuple[int, str | None, str, int]]:
    """(row, field, code, earlier row) of rows with the key or a unique value of an earlier row."""
    schema = kind.schema
    sets = ([("primary-key", schema.primary_key)] if schema.primary_key else []) + [
        ("unique", s) for s in schema.unique_sets
    ]
    first: dict[tuple[int, tuple[object, ...]], Row] = {}
    found = []
    for row in rows:
        blamed = {
            name for name, code in row.faults if name in row.values and code not in {r.code for r in schema.rules}
        }
        for number, (code, names) in enumerate(sets):
            key = key_of(row, names, blamed)
            if key is None:
                continue
            earlier = first.setdefault((number, key), row)
            if earlier is row or (code == "primary-key" and options.duplicates == "apply"):
                continue
            if code == "unique" and same_owner(kind, earlier, row):
                continue
            found.append((row.number, names[0] if len(names) == 1 else None, code, earlier.number))
    return found


def key_of(row: Row, names: tuple[str, ...], blamed: set[str | None]) -> tuple[object, ...] | None:
    if any(name not in row.values or row.values[name] is None or name in blamed for name in names):
        return None
    return tuple(row.values[name] for name in names)


def same_owner(kind: ImportKind, one: Row, other: Row) -> bool:
    codes = {rule.code for rule in kind.schema.rules}
    keys = [key_of(row, kind.schema.primary_key, {n for n, c in row.faults if c not in codes}) for row in (one, other)]
    return bool(kind.schema.primary_key) and keys[0] is not None and keys[0] == keys[1]


# A cell ---------------------------------------------------------------------------------------------------------------


def texts_of(
    kind: ImportKind, one: Field, columns: Sequence[str | None], rows: Sequence[Sequence[Cell]], default: str | None
) -> list[Cell | None]:
    """The texts of a field, row by row: of its cell, or of the default where the cell has none or there is no column."""
    missing = kind.schema.missing_values
    usual = None if default is None else prepared(one, missing, default)
    if one.name not in columns:
        return [usual] * len(rows)
    place = list(columns).index(one.name)
    cells = [
        prepared(one, missing, row[place]) if isinstance(row[place], str) else given(missing, row[place])
        for row in rows
    ]
    return [usual if text is None else text for text in cells]


def given(missing: Sequence[str], cell: Cell) -> Cell | None:
    """The value of a cell that says it itself, or None where its text stands for none."""
    return None if text_of(cell) in missing else cell


def text_of(value: Cell) -> str:
    """How a value is written that says itself."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, SheetError):
        return value.text
    return value.isoformat() if isinstance(value, date | time) else str(value)


def itself(one: Field, options: ImportOptions, value: Value) -> object:
    """The value of a field whose cell says its value itself.

    Raises:
        Fault: it is none of the field's type.
    """
    if isinstance(value, SheetError):
        raise Fault("cell-error")
    text, mapped = text_of(value), dict(one.values)
    if one.type in {FieldType.STRING, FieldType.OBJECT, FieldType.ARRAY}:
        return typed(one, options, str(prepared(one, (), text)))
    if text in mapped:
        return canonical(one, mapped[text])
    if one.type is FieldType.BOOLEAN:
        return value if isinstance(value, bool) else read_boolean(one, options, text)
    if one.type in {FieldType.INTEGER, FieldType.NUMBER}:
        return number_itself(one, value)
    return moment_itself(one, value)


def number_itself(one: Field, value: Value) -> object:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Fault("type-error")
    plain = replace(one, decimal_char=None, group_char=None, bare_number=True, values=())
    exact = Decimal(value)
    if one.type is FieldType.NUMBER:
        return read_number(plain, ImportOptions(Mode.UPSERT, decimal_sign="."), format(exact, "f"))
    if exact != exact.to_integral_value():
        raise Fault("type-error")
    return read_integer(plain, ImportOptions(Mode.UPSERT), str(int(exact)))


def moment_itself(one: Field, value: Value) -> object:
    midnight = isinstance(value, datetime) and value.time() == time() and value.tzinfo is None
    match one.type:
        case FieldType.DATE if isinstance(value, date) and (midnight or not isinstance(value, datetime)):
            return value.date() if isinstance(value, datetime) else value
        case FieldType.DATETIME if isinstance(value, date):
            return placed(one, value if isinstance(value, datetime) else datetime.combine(value, time()))
        case FieldType.TIME if isinstance(value, time):
            return value
        case _:
            raise Fault("type-error")


def with_sign_of_column(one: Field, options: ImportOptions, texts: Sequence[Cell | None]) -> ImportOptions:
    """The options with the decimal sign that the column tells, where nobody states one and all cells that tell tell the same."""
    if one.type is not FieldType.NUMBER or options.decimal_sign or one.decimal_char or one.group_char:
        return options
    told = set()
    for text in texts:
        if isinstance(text, str) and text not in dict(one.values):
            good = [sign for sign in (".", ",") if number_like(unsigned(bare(one, text))[1], sign)]
            told |= set(good) if len(good) == 1 else set()
    return replace(options, decimal_sign=told.pop()) if len(told) == 1 else options


def number_like(text: str, point: str) -> bool:
    """Whether digits may be a number with this decimal sign; the other sign then parts groups."""
    whole, found, behind = text.partition(point)
    if not whole:
        return digits_only(behind)
    return ungrouped(whole, {".": ",", ",": "."}[point]) is not None and (
        not found or not behind or digits_only(behind)
    )


def prepared(one: Field, missing: Sequence[str], cell: str) -> str | None:
    """The text of a cell, or None when it is empty."""
    text = cell.strip(BLANKS) if Normalization.TRIM in one.normalize else cell
    if cell in missing or text in missing:
        return None
    for step in Normalization:
        if step not in one.normalize:
            continue
        if step is Normalization.COLLAPSE_SPACES:
            text = re.sub(f"[{BLANKS}]+", " ", text)
        elif step is Normalization.NFC:
            text = unicodedata.normalize("NFC", text)
        elif step is Normalization.LOWERCASE:
            text = text.lower()
        elif step is Normalization.UPPERCASE:
            text = text.upper()
    return text


def typed(one: Field, options: ImportOptions, text: str) -> object:
    """The value of a text.

    Raises:
        Fault: it has none.
    """
    mapped = dict(one.values)
    if text in mapped and one.type is not FieldType.STRING:
        return canonical(one, mapped[text])
    if one.type is FieldType.STRING:
        if "\0" in text:
            raise Fault("type-error")
        return mapped.get(text, text)
    return READERS[one.type](one, options, text)


def canonical(one: Field, text: str) -> object:
    """The value that a declaration writes as text."""
    readers: dict[FieldType, Callable[[str], object]] = {
        FieldType.INTEGER: int,
        FieldType.NUMBER: Decimal,
        FieldType.BOOLEAN: "true".__eq__,
        FieldType.DATE: date.fromisoformat,
        FieldType.DATETIME: utc,
        FieldType.TIME: time.fromisoformat,
    }
    return readers[one.type](text) if one.type in readers else text


def utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def digits_only(text: str) -> bool:
    return bool(text) and set(text) <= DIGITS


def ungrouped(text: str, sign: str | None) -> str | None:
    """The digits of a whole part, or None when they are not grouped by threes."""
    if digits_only(text):
        return text
    if sign is None or sign not in text:
        return None
    head, *rest = text.split(sign)
    good = (
        digits_only(head)
        and len(head) <= 3
        and head[0] != "0"
        and all(digits_only(part) and len(part) == 3 for part in rest)
    )
    return head + "".join(rest) if good else None


def signs_of(one: Field, options: ImportOptions) -> tuple[str, str | None]:
    option = options.decimal_sign
    if option is None:
        return one.decimal_char or ".", one.group_char
    if one.group_char is not None and one.group_char != option:
        return option, one.group_char
    return option, {".": ",", ",": "."}[option]


def bare(one: Field, text: str) -> str:
    """The number without the words around it, where the field allows them."""
    if one.bare_number:
        return text

    def around(character: str) -> bool:
        category = unicodedata.category(character)
        return not (category.startswith("N") or category == "Pd" or character in "\u2212+.,()")

    start, end = 0, len(text)
    while start < end and around(text[start]):
        start += 1
    while end > start and around(text[end - 1]):
        end -= 1
    return text[start:end]


def unsigned(text: str) -> tuple[str, str]:
    return (text[0], text[1:]) if text[:1] in {"+", "-"} else ("", text)


def read_integer(one: Field, options: ImportOptions, text: str) -> int:
    sign, rest = unsigned(bare(one, text))
    whole = ungrouped(rest, signs_of(one, options)[1])
    if whole is None:
        raise Fault("type-error")
    value = int(sign + whole)
    if not -(2**63) <= value < 2**63:
        raise Fault("out-of-range")
    return value


def read_number(one: Field, options: ImportOptions, text: str) -> Decimal:
    point, group = signs_of(one, options)
    body = bare(one, text)
    sign, rest = unsigned(body)
    said = options.decimal_sign or one.decimal_char or one.group_char
    if not said and re.fullmatch("[1-9][0-9]{0,2}[.,][0-9]{3}", rest):
        raise Fault("number-ambiguous")
    whole, _, behind = rest.partition(point)
    head = "0" if whole == "" and behind else ungrouped(whole, group)
    if head is None or (behind and not digits_only(behind)) or (whole == "" and not behind):
        raise Fault("type-error")
    scale = 18 if one.scale is None and one.precision is None else one.scale or 0
    precision = one.precision or 38
    if len(behind.rstrip("0")) > scale:
        raise Fault("too-precise")
    if len(head.lstrip("0")) > precision - scale:
        raise Fault("out-of-range")
    return Decimal(f"{sign}{head}.{behind or 0}")


def read_boolean(one: Field, _: ImportOptions, text: str) -> bool:
    if text in one.true_values:
        return True
    if text in one.false_values:
        return False
    raise Fault("type-error")


# Dates ----------------------------------------------------------------------------------------------------------------


def day_of(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def parts_of(text: str) -> list[str] | None:
    for sign in "/.-":
        parts = text.split(sign)
        if len(parts) == 3 and all(digits_only(part) and len(part) <= 4 for part in parts):
            return parts
    return None


def ordered(parts: list[str], order: str) -> date | None:
    """The date of three parts in that order, when they have the lengths of a year of four and a month and day of one or two."""
    by = dict(zip(order, parts, strict=True))
    if len(by["y"]) != 4 or len(by["m"]) > 2 or len(by["d"]) > 2:
        return None
    return day_of(by["y"], by["m"], by["d"])


def iso_date(text: str) -> date | None:
    parts = text.split("-")
    if len(parts) == 3 and [len(part) for part in parts] == [4, 2, 2] and all(map(digits_only, parts)):
        return day_of(*parts)
    return None


def readings(parts: list[str]) -> set[date]:
    return {found for order in ("dmy", "mdy", "ymd") if (found := ordered(parts, order))}


def short_readings(parts: list[str]) -> set[date]:
    if any(len(part) > 2 for part in parts) or len(parts[2]) != 2:
        return set()
    a, b, c = parts
    candidates = [day_of(f"20{c}", b, a), day_of(f"20{c}", a, b)]
    if len(a) == 2:
        candidates.append(day_of(f"20{a}", b, c))
    return {one for one in candidates if one}


def read_any_date(one: Field, options: ImportOptions, text: str) -> date:
    """A date that is ISO, or of the stated order, or can be one date only."""
    if (found := iso_date(text)) is not None:
        return found
    parts = parts_of(text)
    if parts is None:
        raise Fault("type-error")
    if options.date_order is not None:
        found = ordered(parts, options.date_order)
        if found is None:
            raise Fault("type-error")
        return found
    if len(readings(parts)) > 1 or len(short_readings(parts)) > 1:
        raise Fault("date-ambiguous")
    if one.format == "any" and len(readings(parts)) == 1:
        return readings(parts).pop()
    raise Fault("type-error")


def by_pattern(one: Field, text: str) -> datetime:
    """By Python's own strptime, which alone takes blanks and fewer digits; so the text must come out again."""
    try:
        moment = datetime.strptime(text, one.format)  # noqa: DTZ007  # the zone is the field's affair
    except ValueError:
        raise Fault("type-error") from None
    if (
        "%z" not in one.format
        and not re.search("%[bBaAp]", one.format)
        and moment.strftime(one.format).zfill(len(text)) != text
    ):
        raise Fault("type-error")
    return moment


def read_date(one: Field, options: ImportOptions, text: str) -> date:
    if one.format not in {"default", "any"}:
        return by_pattern(one, text).date()
    return read_any_date(one, options, text)


def read_clock(text: str) -> time:
    match = re.fullmatch("([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?", text)
    if not match:
        raise Fault("type-error")
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise Fault("type-error")
    fraction = match[4] or ""
    if len(fraction) > 9 or len(fraction.rstrip("0")) > 6:
        raise Fault("too-precise")
    return time(hour, minute, second, int(fraction[:6].ljust(6, "0")))


def read_time(one: Field, _: ImportOptions, text: str) -> time:
    if one.format not in {"default", "any"}:
        return by_pattern(one, text).time()
    return read_clock(text)


def zone_of(text: str) -> tuple[str, timezone | None]:
    """The text without its zone, and the zone."""
    if text.endswith("Z"):
        return text[:-1], UTC
    match = re.fullmatch("(.*:[^+-]*)([+-])([0-9]{2})(?::?([0-9]{2}))?", text, re.DOTALL)
    if not match:
        return text, None
    hours, minutes = int(match[3]), int(match[4] or 0)
    if hours > 23 or minutes > 59:
        raise Fault("type-error")
    return match[1], timezone(timedelta(hours=hours, minutes=minutes) * (-1 if match[2] == "-" else 1))


def read_datetime(one: Field, options: ImportOptions, text: str) -> datetime:
    if one.format not in {"default", "any"}:
        return placed(one, by_pattern(one, text))
    local, zone = zone_of(text)
    sign = next((sign for sign in local if sign in "T "), None)
    if sign is None:
        raise Fault("type-error")
    day, clock = local.split(sign, 1)
    try:
        hour = read_clock(clock)
    except Fault:
        if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", day):
            raise Fault("type-error") from None
        raise
    moment = datetime.combine(read_any_date(one, options, day), hour)
    return placed(one, moment if zone is None else moment.replace(tzinfo=zone))


def placed(one: Field, moment: datetime) -> datetime:
    """The instant in UTC."""
    try:
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        if one.timezone is None:
            raise Fault("type-error")
        zone = ZoneInfo(one.timezone)
        both = [moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
        if both[0].utcoffset() != both[1].utcoffset():  # twice, or never
            raise Fault("type-error")
        return both[0].astimezone(UTC)
    except OverflowError:
        raise Fault("type-error") from None


# JSON -----------------------------------------------------------------------------------------------------------------


def read_document(one: Field, _: ImportOptions, text: str) -> str:
    def members(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len({name for name, _ in pairs}) < len(pairs):
            raise ValueError("twice")
        return dict(pairs)

    def constant(name: str) -> object:
        raise ValueError(name)

    try:
        document = json.loads(text, object_pairs_hook=members, parse_constant=constant, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        raise Fault("type-error") from None
    if not isinstance(document, dict if one.type is FieldType.OBJECT else list):
        raise Fault("type-error")
    if depth_of(document) > 64:
        raise Fault("type-error")
    again = json.dumps(document)
    if "\\u0000" in again or re.search(r"\\ud[89a-f]", re.sub(r"\\ud[89ab]..\\ud[c-f]..", "", again)):
        raise Fault("type-error")
    return text


def depth_of(document: object) -> int:
    if isinstance(document, dict):
        return 1 + max((depth_of(one) for one in document.values()), default=0)
    if isinstance(document, list):
        return 1 + max((depth_of(one) for one in document), default=0)
    return 0


READERS: Mapping[FieldType, Callable[[Field, ImportOptions, str], object]] = {
    FieldType.INTEGER: read_integer,
    FieldType.NUMBER: read_number,
    FieldType.BOOLEAN: read_boolean,
    FieldType.DATE: read_date,
    FieldType.DATETIME: read_datetime,
    FieldType.TIME: read_time,
    FieldType.OBJECT: read_document,
    FieldType.ARRAY: read_document,
}

# What else is demanded -------------------------------------------------------------------------------------------------


def constraints(one: Field, value: object) -> list[str]:
    found = []
    if isinstance(value, str) and one.type is FieldType.STRING:
        if one.format != "default" and not FORMATS[one.format](value):
            found.append("format")
        if one.pattern is not None and not re.fullmatch(one.pattern, value):
            found.append("pattern")
        if one.min_length is not None and len(value) < one.min_length:
            found.append("too-short")
        if one.max_length is not None and len(value) > one.max_length:
            found.append("too-long")
    if one.enum is not None and value not in [canonical(one, text) for text in one.enum]:
        found.append("enum")
    low = one.minimum is not None and value < canonical(one, one.minimum)  # type: ignore[operator]  # values of one type
    high = one.maximum is not None and value > canonical(one, one.maximum)  # type: ignore[operator]  # values of one type
    return found + (["out-of-range"] if low or high else [])


def email_like(text: str) -> bool:
    local, at, domain = text.partition("@")
    labels = domain.split(".")
    forbidden = set('@"(),:;<>[]\\')

    def plain(character: str) -> bool:
        return (
            character not in forbidden
            and character not in BLANKS
            and not (ord(character) < 32 or ord(character) == 127)
        )

    def label(part: str) -> bool:
        letters = [unicodedata.category(character)[0] in "LN" or character == "-" for character in part]
        return bool(part) and all(letters) and part[0] != "-" and part[-1] != "-"

    return bool(at) and bool(local) and all(map(plain, local)) and len(labels) > 1 and all(map(label, labels))


def uri_like(text: str) -> bool:
    scheme, colon, rest = text.partition(":")
    good = (
        scheme[:1].isascii()
        and scheme[:1].isalpha()
        and all(c.isascii() and (c.isalnum() or c in "+.-") for c in scheme)
    )
    bad = set('<>"{}|\\^`') | set(BLANKS) | {chr(n) for n in range(32)} | {"\x7f"}
    return bool(colon) and good and bool(rest) and not set(rest) & bad


def uuid_like(text: str) -> bool:
    parts = text.split("-")
    return [len(part) for part in parts] == [8, 4, 4, 4, 12] and all(
        c in "0123456789abcdefABCDEF" for c in "".join(parts)
    )


FORMATS: Mapping[str, Callable[[str], bool]] = {"email": email_like, "uri": uri_like, "uuid": uuid_like}


def broken_rules(kind: ImportKind, row: Row, unjudged: set[str]) -> list[tuple[str | None, str]]:
    """By SQLite, whose booleans, dates and numbers are simple; rules of tests must mean the same there."""
    found = []
    values = {name: plain_value(row.values.get(name)) for name in kind.schema.names}
    columns = ", ".join(f':{name} as "{name}"' for name in kind.schema.names)
    for rule in kind.schema.rules:
        named = set(re.findall("[a-z_][a-z0-9_]*", f"{rule.when or ''} {rule.then}"))
        if named & unjudged:
            continue
        with sqlite3.connect(":memory:") as database:
            database.execute("pragma case_sensitive_like = on")
            when, then = database.execute(
                f"select ({rule.when or 'true'}), ({rule.then}) from (select {columns})", values
            ).fetchone()
        database.close()
        if when and not then:
            found.append((rule.field, rule.code))
    return found


def plain_value(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date | time):
        return value.isoformat()
    return value
