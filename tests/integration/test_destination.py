"""Rows in a kind's table: modes, types, keys, references, races and walls, on the real PostgreSQL."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import numpy as np
import polars as pl
import psycopg
import pytest

from placing import Place, chunk_of, codes, declare, words
from rowferry.destinations.postgres import PostgresLoader, PostgresReading, ensure_table, table_name
from rowferry.destinations.postgres.statements import BY_INDEX, look
from rowferry.destinations.postgres.texts import literal
from rowferry.domain.faults import MASK, Invalid, KindDiffers
from rowferry.domain.schema import Field, FieldType, ForeignKey, ImportKind, ImportOptions, Mode, Schema
from rowferry.ports import Filter, Loaded
from rowferry.store.database import Connection, Database, Role, connect, transaction

PEOPLE = ImportKind(
    "people",
    Schema(
        (
            Field("email", required=True),
            Field("name"),
            Field("age", FieldType.INTEGER),
            Field("balance", FieldType.NUMBER, scale=2, precision=12),
            Field("ratio", FieldType.NUMBER),
            Field("active", FieldType.BOOLEAN),
            Field("born", FieldType.DATE),
            Field("seen", FieldType.DATETIME),
            Field("wakes", FieldType.TIME),
            Field("extra", FieldType.OBJECT),
            Field("tags", FieldType.ARRAY),
            Field("tax_id", unique=True, sensitive=True),
        ),
        primary_key=("email",),
    ),
)
FULL: Mapping[str, object] = {
    "email": "ana@example.org",
    "name": 'Ana, “the” "first"\r\nof two lines\x1f',
    "age": -9223372036854775808,
    "balance": Decimal("-1234567890.10"),
    "ratio": Decimal("0.100000000000000001"),
    "active": True,
    "born": date(1, 1, 1),
    "seen": datetime(2024, 2, 29, 23, 59, 59, 999999, UTC),
    "wakes": time(6, 30, 0, 1),
    "extra": '{"b": 1.10, "a": [null, "x\\ny"]}',
    "tags": "[]",
    "tax_id": "12345678901",
}


@pytest.fixture
def people(database: Database, loader: Connection, tenant) -> Place:
    declare(database, PEOPLE)
    return Place(database, loader, tenant.id, PEOPLE)


# Modes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "outcomes", "reasons"),
    [
        (Mode.UPSERT, ["unchanged", "updated", "created"], []),
        (
            Mode.CREATE,
            ["failed", "failed", "created"],
            [(1, "already-exists", "email"), (2, "already-exists", "email")],
        ),
        (Mode.UPDATE, ["unchanged", "updated", "failed"], [(3, "not-found", "email")]),
        (
            Mode.SKIP_EXISTING,
            ["skipped", "skipped", "created"],
            [(1, "already-exists", "email"), (2, "already-exists", "email")],
        ),
    ],
)
def test_each_mode_does_with_rows_what_it_says(people: Place, mode, outcomes, reasons) -> None:
    people.load({"email": "a", "name": "A"}, {"email": "b", "name": "B"})
    rows = [{"email": "a", "name": "A"}, {"email": "b", "name": "new"}, {"email": "c", "name": "C"}]
    foreseen = people.foresee(*rows, mode=mode)
    loaded = people.load(*rows, mode=mode)
    assert words(loaded) == words(foreseen) == outcomes
    assert codes(loaded) == codes(foreseen) == reasons
    stored = {row["email"]: row["name"] for row in people.rows()}
    assert stored.get("b") == ("new" if "updated" in outcomes else "B")
    assert ("c" in stored) == ("created" in outcomes)


def test_an_update_into_an_empty_table_finds_nothing_however_fresh_the_row_is(people: Place) -> None:
    loaded = people.load({"email": "a"}, mode=Mode.UPDATE, fresh=True)
    assert codes(loaded) == [(1, "not-found", "email")]
    assert people.rows() == []


def test_foreseeing_writes_nothing(people: Place, admin: Connection) -> None:
    people.load({"email": "a", "name": "A"})
    people.foresee({"email": "a", "name": "B"}, {"email": "c"}, fresh=True)
    people.foresee({"email": "a", "name": "B"}, {"email": "c"}, duplicates="apply")
    assert [row["name"] for row in people.rows()] == ["A"]
    assert admin.execute("select count(*) from before_images").fetchone() == (0,)


def test_an_issue_says_where_the_row_stands_in_the_file(people: Place) -> None:
    people.load({"email": "a"})
    [issue] = people.load({"email": "b"}, {"email": "a"}, mode=Mode.CREATE).issues
    assert (issue.row, issue.line, issue.column, issue.value, issue.record) == (2, 3, "EMAIL", "a", "raw 2")
    assert issue.message == "a exists already."


# Values ---------------------------------------------------------------------------------------------------------------


def test_every_type_comes_back_exactly(people: Place) -> None:
    people.load(FULL, fresh=True)
    [row] = people.rows()
    assert row == {
        "email": "ana@example.org",
        "name": FULL["name"],
        "age": -9223372036854775808,
        "balance": "-1234567890.10",
        "ratio": "0.100000000000000001",
        "active": True,
        "born": "0001-01-01",
        "seen": "2024-02-29T23:59:59.999999Z",
        "wakes": "06:30:00.000001",
        "extra": {"b": 1.1, "a": [None, "x\ny"]},
        "tags": [],
        "tax_id": "12345678901",
        "_job_id": str(UUID(int=1)),
        "_row": 1,
    }


@pytest.mark.parametrize("fresh", [True, None])
def test_the_same_row_again_is_unchanged_and_keeps_its_job(people: Place, fresh) -> None:
    people.load(FULL, fresh=fresh)
    same = {**FULL, "extra": '{"a":[null,"x\\ny"],"b":1.1}', "ratio": Decimal("0.100000000000000001")}
    assert words(people.load(same)) == ["unchanged"]
    assert people.rows()[0]["_job_id"] == str(UUID(int=1))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("age", 0),
        ("balance", Decimal("0.00")),
        ("ratio", Decimal("0.100000000000000002")),
        ("active", False),
        ("born", date(9999, 12, 31)),
        ("seen", datetime(2024, 2, 29, 23, 59, 59, 999998, UTC)),
        ("wakes", time(6, 30, 0, 2)),
        ("extra", '{"b": 1.1, "a": [null]}'),
        ("tags", '["x"]'),
        ("tax_id", "12345678902"),
    ],
)
def test_a_change_of_any_type_is_an_update_and_so_is_null(people: Place, field, value) -> None:
    people.load(FULL)
    assert words(people.load({**FULL, field: value})) == ["updated"]
    assert words(people.load({**FULL, field: None})) == ["updated"]
    assert people.rows()[0][field] is None
    assert words(people.load({**FULL, field: None})) == ["unchanged"]
    assert words(people.load({**FULL, field: value})) == ["updated"]


# Kinds whose rows can be compared as texts: `extra` and `tags` are JSON, which has no one way to be written.
PLAIN = [name for name in FULL if name not in {"extra", "tags"}]
WRITTEN: Mapping[str, object] = {name: FULL[name] for name in PLAIN} | {"name": 'Ana, “the” "first"\r\nof two lines'}


@pytest.mark.parametrize("name", PLAIN[1:])
def test_rows_that_are_stored_just_so_are_unchanged_whatever_the_type(people: Place, name: str) -> None:
    people.load(WRITTEN, {**WRITTEN, "email": "b", "tax_id": "2", name: None})
    again = [WRITTEN, {**WRITTEN, "email": "b", "tax_id": "2", name: None}]
    assert words(people.load(*again)) == ["unchanged", "unchanged"]
    swapped = [{**WRITTEN, name: None}, {**again[1], name: WRITTEN[name] if name != "tax_id" else "3"}]
    assert words(people.load(*swapped)) == ["updated", "updated"]
    assert people.rows()[0][name] is None


@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        ({"name": "x", "tax_id": "y\x1f"}, {"name": "x\x1f=y", "tax_id": None}),
        ({"name": "=x"}, {"name": "x"}),
        ({"name": ""}, {"name": None}),
        ({"name": "x\x1eb\x1f=y\x1f"}, {"name": "x"}),
    ],
)
def test_texts_with_the_marks_between_values_are_never_taken_for_others(people: Place, stored, sent) -> None:
    first = {"email": "a", "name": None, "tax_id": None}
    people.load({**first, **stored})
    assert words(people.load({**first, **sent})) == ["updated"]
    assert words(people.load({**first, "email": "b", "name": "y"})) == ["created"]


def in_chunks(
    place: Place, rows: Sequence[Mapping[str, object]], many: int
) -> Iterator[tuple[PostgresLoader, list[str]]]:
    """One job with chunks of so many rows each: what the rows of each chunk came to."""
    place.job += 1
    loader = place.loader(rows, ImportOptions(Mode.UPSERT))
    for start in range(0, len(rows), many):
        with transaction(place.connection, place.tenant, UUID(int=place.job)):
            loaded = loader.load(chunk_of(place.kind, rows[start : start + many], fresh=None, first_row=start + 1))
        yield loader, words(loaded)
    loader.close()


def numbered(many: int, name: str = "x") -> list[Mapping[str, object]]:
    """Rows whose keys are in no order, with and without each value."""
    return [
        {
            "email": f"{n * 7919 % many:05}@example.org",
            "name": None if n % 5 == 0 else f'{name} {n}, “q” "q"\r\n',
            "age": None if n % 3 == 0 else n,
            "born": None if n % 4 == 0 else date(1970, 1, 1 + n % 28),
            "wakes": None if n % 4 == 1 else time(1, n % 60, 1, n),
            "tax_id": str(n),
        }
        for n in range(many)
    ]


def by_place(loader: PostgresLoader) -> bool:
    """Whether the next chunk is sought behind the last one."""
    return loader._unchanged._near is not None


def staged(loader: PostgresLoader) -> bool:
    """Whether rows of one of the chunks so far were compared on the stage."""
    return loader._staged


def test_chunks_are_sought_behind_each_other_and_whatever_lies_between(people: Place, tenants) -> None:
    rows, other = numbered(2_000), replace(people, tenant=tenants("globex").id)
    for start in range(0, 2_000, 500):
        people.load(*rows[start : start + 500])
        other.load(*rows[start : start + 250])
    for number, (loader, outcomes) in enumerate(in_chunks(people, rows, 500)):
        assert set(outcomes) == {"unchanged"}, number
        assert by_place(loader), number
    changed = [{**row, "name": "new"} if n % 10 == 3 else row for n, row in enumerate(rows)]
    for loader, outcomes in in_chunks(people, changed, 500):
        assert [word == "updated" for word in outcomes] == [n % 10 == 3 for n in range(500)]
        assert by_place(loader)
    # those rows lie at the end now
    assert {word for _, outcomes in in_chunks(people, changed, 500) for word in outcomes} == {"unchanged"}


def test_rows_in_another_order_than_they_lie_are_looked_up_by_key(people: Place) -> None:
    rows = numbered(2_000)
    people.load(*rows)
    mixed = sorted(rows, key=lambda row: hash(row["tax_id"]))
    for number, (loader, outcomes) in enumerate(in_chunks(people, mixed, 500)):
        assert set(outcomes) == {"unchanged"}
        assert by_place(loader) == (number == 0)


def test_rows_that_are_there_in_part_are_told_apart_wherever_they_lie(people: Place) -> None:
    rows = numbered(2_000)
    people.load(*rows[:1_100])
    outcomes = [word for _, found in in_chunks(people, rows, 500) for word in found]
    assert outcomes == ["unchanged"] * 1_100 + ["created"] * 900


@pytest.mark.parametrize(
    "key",
    ["email born", "born email", "seen", "wakes active", "balance age", "ratio", "tax_id email born seen"],
)
def test_keys_of_any_types_and_of_several_fields_are_looked_up_too(database, loader, tenant, key: str) -> None:
    fields = [replace(field, unique=False, sensitive=False) for field in PEOPLE.schema.fields if field.name in PLAIN]
    kind = ImportKind(f"by-{key.replace(' ', '-').replace('_', '')}", Schema(tuple(fields), tuple(key.split())))
    declare(database, kind)
    place = Place(database, loader, tenant.id, kind)
    rows: list[Mapping[str, object]] = [
        {
            "email": f"{n % 40}\x1f" if n == 1_400 else f"{n % 40}",
            "name": None if n % 5 == 0 else f"x {n}",
            "age": n // 2,
            "balance": Decimal(n % 2) / 100,
            "ratio": Decimal(n) / 1000,
            "active": n % 2 == 0,
            "born": date(1970, 1, 1) + timedelta(days=n // 40),
            "seen": datetime(2024, 2, 29, 23, 59, 59, n, UTC),
            "wakes": time(1, 2, 3, n // 2),
            "tax_id": str(n),
        }
        for n in range(1_500)
    ]
    place.load(*rows[:1_100])
    came_to: list[str] = []
    for number, (used, outcomes) in enumerate(in_chunks(place, rows, 500)):
        came_to += outcomes
        assert number or not staged(used), "the first chunk is looked up by its keys"
    assert came_to == ["unchanged"] * 1_100 + ["created"] * 400
    changed = [{**row, "name": "new"} if n % 10 == 3 else row for n, row in enumerate(rows)]
    outcomes = [word for _, some in in_chunks(place, changed, 500) for word in some]
    assert [word == "updated" for word in outcomes] == [n % 10 == 3 for n in range(1_500)]
    assert {word for _, some in in_chunks(place, changed, 500) for word in some} == {"unchanged"}


def test_a_stored_mark_between_values_is_no_end_of_a_row(people: Place) -> None:
    """The chunk that is sought by place lies beside a row of marks, which the file has not."""
    rows = numbered(1_500)
    marked = {"email": "m", "name": "\x1e00001@example.org\x1f\x1d\x1e", "tax_id": "m"}
    people.load(*rows[:700], marked, *rows[700:])
    assert {word for _, outcomes in in_chunks(people, rows, 500) for word in outcomes} == {"unchanged"}
    swapped = [{**row, "name": "\x1d" if row["name"] is None else row["name"]} for row in rows]
    outcomes = [word for _, found in in_chunks(people, swapped, 500) for word in found]
    assert [word == "updated" for word in outcomes] == [row["name"] is None for row in rows]


def test_what_is_stored_may_be_longer_than_anything_in_the_file(people: Place) -> None:
    long = {"email": "a", "name": "x" * 17_000_000, "tax_id": None}
    short = {"email": "b", "name": "y", "tax_id": None}
    people.load(long, short)
    assert words(people.load(long, short)) == ["unchanged", "unchanged"]
    assert words(people.load({**long, "name": "x"}, short)) == ["updated", "unchanged"]


def test_fields_that_the_file_does_not_bring_keep_their_values(people: Place) -> None:
    people.load(FULL)
    assert words(people.load({"email": FULL["email"], "age": 5})) == ["updated"]
    [row] = people.rows()
    assert (row["age"], row["name"], row["_row"], row["_job_id"]) == (5, FULL["name"], 1, str(UUID(int=2)))


def test_an_empty_cell_that_keeps_leaves_the_old_value(people: Place) -> None:
    people.load(FULL)
    kept = {"email": FULL["email"], "name": None, "age": None}
    assert words(people.load(kept, empty="keep")) == ["unchanged"]
    assert words(people.load({**kept, "age": 7}, empty="keep")) == ["updated"]
    assert (people.rows()[0]["name"], people.rows()[0]["age"]) == (FULL["name"], 7)
    assert words(people.load(kept)) == ["updated"]
    assert people.rows()[0]["name"] is None


def test_null_and_the_empty_text_are_two_things(people: Place) -> None:
    people.load({"email": "a", "name": ""}, {"email": "b", "name": None}, fresh=True)
    assert [row["name"] for row in people.rows()] == ["", None]
    assert words(people.load({"email": "a", "name": None}, {"email": "b", "name": ""})) == ["updated", "updated"]
    assert [row["name"] for row in people.rows()] == [None, ""]


def test_texts_that_mean_something_to_csv_go_in_as_they_are(people: Place) -> None:
    odd = ["\\.", "\\N", "\\", '"', "'", ",", ";", "\t", "\r", "\n", "\n\\.\n", " a ", "\x1c\x1d", "NULL", "\ufeff"]
    rows = [{"email": text, "name": text} for text in odd]
    assert set(words(people.load(*rows, fresh=True))) == {"created"}
    assert set(words(people.load(*rows))) == {"unchanged"}
    assert sorted(row["name"] for row in people.rows()) == sorted(odd)


def test_what_an_update_overwrites_is_kept(people: Place, admin: Connection) -> None:
    people.load({"email": "a", "name": "old", "ratio": Decimal("1.5")}, {"email": "b", "name": "same"})
    people.load({"email": "b", "name": "same"}, {"email": "a", "name": "new"})
    [(job, row, kind, tenant, image, days)] = admin.execute(
        "select job_id, row, kind, tenant_id, image, extract(days from expires_at - taken_at) from before_images"
    ).fetchall()
    assert (job, row, kind, tenant, days) == (UUID(int=2), 2, "people", people.tenant, 30)
    assert (image["name"], image["ratio"], image["_row"], image["_job_id"]) == ("old", 1.5, 1, str(UUID(int=1)))
    assert "tenant_id" not in image


# Duplicates -----------------------------------------------------------------------------------------------------------


def test_rows_of_one_key_take_effect_one_after_another(people: Place) -> None:
    rows = [{"email": "a", "name": name} for name in ("1", "2", "2", "3")] + [{"email": "b", "name": "x"}]
    expected = ["created", "updated", "unchanged", "updated", "created"]
    assert words(people.foresee(*rows, duplicates="apply")) == expected
    assert words(people.load(*rows, duplicates="apply")) == expected
    assert [(row["name"], row["_row"]) for row in people.rows()] == [("3", 4), ("x", 5)]


@pytest.mark.parametrize(
    ("mode", "outcomes"),
    [
        (Mode.CREATE, ["created", "failed"]),
        (Mode.SKIP_EXISTING, ["created", "skipped"]),
        (Mode.UPDATE, ["failed", "failed"]),
    ],
)
def test_a_repeated_key_meets_the_row_that_came_first(people: Place, mode, outcomes) -> None:
    rows = [{"email": "a", "name": "1"}, {"email": "a", "name": "2"}]
    assert words(people.foresee(*rows, mode=mode, duplicates="apply")) == outcomes
    assert words(people.load(*rows, mode=mode, duplicates="apply")) == outcomes


# Unique values, references --------------------------------------------------------------------------------------------


def test_a_unique_value_of_another_row_is_refused_and_not_shown(people: Place) -> None:
    people.load({"email": "a", "tax_id": "1"})
    rows = [{"email": "b", "tax_id": "1"}, {"email": "c", "tax_id": "2"}, {"email": "d", "tax_id": None}]
    assert codes(people.foresee(*rows)) == [(1, "unique", "tax_id")]
    loaded = people.load(*rows)
    assert words(loaded) == ["failed", "created", "created"]
    assert codes(loaded) == [(1, "unique", "tax_id")]
    assert loaded.issues[0].value == MASK
    assert loaded.issues[0].message == f"{MASK} must be unique and is also in the table."
    assert words(people.load({"email": "a", "tax_id": "1"})) == ["unchanged"]
    assert codes(people.load({"email": "c", "tax_id": "1"})) == [(1, "unique", "tax_id")]


def test_a_unique_value_wrongly_thought_new_is_refused_all_the_same(people: Place) -> None:
    loaded = people.load({"email": "a", "tax_id": "1"}, {"email": "b", "tax_id": "1"}, {"email": "c"}, fresh=True)
    assert sorted(words(loaded)) == ["created", "created", "failed"]
    assert [code for _, code, _ in codes(loaded)] == ["unique"]


def test_two_updates_to_one_unique_value_let_one_in(people: Place) -> None:
    people.load({"email": "a", "tax_id": "1"}, {"email": "b", "tax_id": "2"})
    loaded = people.load({"email": "a", "tax_id": "3"}, {"email": "b", "tax_id": "3"})
    assert words(loaded) == ["updated", "failed"]
    assert codes(loaded) == [(2, "unique", "tax_id")]


@pytest.fixture
def orders(people: Place) -> Place:
    kind = ImportKind(
        "orders",
        Schema(
            (Field("number", FieldType.INTEGER), Field("email"), Field("follows", FieldType.INTEGER)),
            primary_key=("number",),
            foreign_keys=(ForeignKey(("email",), "people", ("email",)), ForeignKey(("follows",), "", ("number",))),
        ),
    )
    declare(people.database, kind)
    return replace(people, kind=kind, references={"people": PEOPLE})


def test_a_reference_to_nothing_is_refused_and_null_is_none(people: Place, orders: Place) -> None:
    people.load({"email": "a"})
    rows = [{"number": 1, "email": "a"}, {"number": 2, "email": "b"}, {"number": 3, "email": None}]
    assert codes(orders.foresee(*rows, fresh=True)) == [(2, "foreign-key", "email")]
    loaded = orders.load(*rows, fresh=True)
    assert words(loaded) == ["created", "failed", "created"]
    assert loaded.issues[0].message == "There is no row of people with b."


def test_a_row_may_refer_to_a_stored_row_or_to_one_of_the_same_file(orders: Place) -> None:
    orders.load({"number": 1})
    orders.in_file = lambda keys: keys["number"].is_in([2])
    rows = [{"number": 2, "follows": 1}, {"number": 3, "follows": 2}, {"number": 4, "follows": 9}]
    loaded = orders.load(*rows)
    assert words(loaded) == ["created", "created", "failed"]
    assert loaded.issues[0].message == "There is no row of orders with 9."


ODD = ["", "NULL", "{}", "a,b", '"', "\\", '\\"', '{"a"}', " x ", "\r\n\t", "é😀", "$1", "\x1f", "''"]


def test_rows_may_refer_to_any_text(people: Place, orders: Place) -> None:
    people.load(*({"email": text, "tax_id": None} for text in ODD))
    for texts in (ODD, [None, *ODD, None], [None], list[str]()):
        array = pl.DataFrame({"text": texts}, {"text": pl.String}).select(literal(pl.col("text"), pl.String())).item()
        assert people.connection.execute("select %s::text[]", [array]).fetchone() == (texts,)
    people.connection.rollback()
    wanted = [{"number": number, "email": text, "follows": None} for number, text in enumerate(ODD)]
    missing = [{"number": 100 + number, "email": text + "?", "follows": None} for number, text in enumerate(ODD)]
    assert words(orders.load(*wanted, *missing)) == ["created"] * len(ODD) + ["failed"] * len(ODD)


def test_another_tenants_row_is_no_reference(people: Place, orders: Place, tenants) -> None:
    replace(people, tenant=tenants("globex").id).load({"email": "theirs"})
    assert codes(orders.load({"number": 1, "email": "theirs"})) == [(1, "foreign-key", "email")]


def test_every_type_may_be_a_key_that_others_refer_to(database: Database, loader: Connection, tenant) -> None:
    for field in PEOPLE.schema.fields:
        if field.type in {FieldType.OBJECT, FieldType.ARRAY}:
            continue
        one, other = replace(field, name="id", unique=False), replace(field, name="other", unique=False)
        kind = ImportKind(
            f"by-{field.name}", Schema((one, other), ("id",), foreign_keys=(ForeignKey(("other",), "", ("id",)),))
        )
        declare(database, kind)
        place = Place(database, loader, tenant.id, kind)
        assert words(place.load({"id": FULL[field.name], "other": None})) == ["created"]
        assert words(place.load({"id": FULL[field.name], "other": FULL[field.name]})) == ["updated"]


def test_keys_are_asked_for_alone_where_most_are_new(people: Place) -> None:
    """After a chunk of new rows into a table with rows, only what exists is staged; the outcomes are the same."""
    people.load(*({"email": f"{n:03}", "name": "old"} for n in range(0, 90, 10)))
    loader = people.loader([{"email": "", "name": ""}], ImportOptions(Mode.UPSERT))
    odd = ["090\x1f", "", "a\nb"]
    groups = [
        [f"{n:03}" for n in range(45)],
        [f"{n:03}" for n in range(45, 90)] + odd,
        [f"{n:03}" for n in range(30)] + odd,
    ]
    counts: list[list[str]] = []
    with transaction(people.connection, people.tenant, UUID(int=9)):
        for keys in groups:
            rows = [{"email": key, "name": "new" if key.endswith("0") else "x"} for key in keys]
            counts.append(words(loader.load(chunk_of(PEOPLE, rows, fresh=True))))
    assert [(some.count("created"), some.count("updated"), some.count("unchanged")) for some in counts] == [
        (40, 5, 0),
        (44, 4, 0),
        (0, 0, 33),
    ]


@pytest.mark.parametrize(
    ("mode", "outcome", "first", "second"),
    [(Mode.UPSERT, "updated", 10, 0), (Mode.SKIP_EXISTING, "skipped", 30, 10), (Mode.CREATE, "failed", 30, 10)],
)
def test_rows_that_are_there_after_chunks_that_were_new_are_told(people: Place, mode, outcome, first, second) -> None:
    """Chunks of new rows go straight into a table with rows, until one meets what is there."""
    people.load(*({"email": f"{n:03}", "name": "old"} for n in range(100)))
    loader = people.loader([{"email": "", "name": ""}], ImportOptions(mode))
    groups = [range(100, 150), range(150, 200), range(90, 120), range(200, 250), range(95, 105), range(250, 300)]
    found: list[tuple[int, int]] = []
    for number, group in enumerate(groups):
        rows = [{"email": f"{n:03}", "name": "new"} for n in group]
        with transaction(people.connection, people.tenant, UUID(int=9)):
            outcomes = words(loader.load(chunk_of(PEOPLE, rows, fresh=True, first_row=number * 50 + 1)))
        found.append((outcomes.count("created"), outcomes.count(outcome)))
        assert number > 1 or not staged(loader) or not mode.overwrites
    assert found == [(50, 0), (50, 0), (0, first), (50, 0), (0, second), (50, 0)]


@pytest.mark.parametrize(
    ("mode", "outcome"), [(Mode.UPSERT, "updated"), (Mode.CREATE, "failed"), (Mode.SKIP_EXISTING, "skipped")]
)
@pytest.mark.parametrize("there", [0, 1, 17, 39])
def test_a_small_file_that_looks_new_and_is_not_is_told(people: Place, mode, outcome, there) -> None:
    people.load({"email": f"p{there:02}", "name": "before"}, {"email": "other"})
    rows = [{"email": f"p{at:02}", "name": "now"} for at in range(40)]
    foreseen = people.foresee(*rows, mode=mode)
    loaded = people.load(*rows, mode=mode)
    wanted = ["created"] * 40
    wanted[there] = outcome
    assert words(loaded) == words(foreseen) == wanted
    stored = {row["email"]: row["name"] for row in people.rows()}
    assert len(stored) == 41
    assert stored[f"p{there:02}"] == ("now" if outcome == "updated" else "before")


def test_an_issue_of_a_key_of_several_fields_names_none_and_shows_all(database, loader, tenant) -> None:
    fields = (Field("a"), Field("b", sensitive=True), Field("c", FieldType.NUMBER, precision=5))
    kind = ImportKind("pairs", Schema(fields, ("a", "b")))
    declare(database, kind)
    place = Place(database, loader, tenant.id, kind)
    row = {"a": "x" * 300, "b": "secret", "c": Decimal(12345)}
    place.load(row)
    [issue] = place.load(row, mode=Mode.CREATE).issues
    assert (issue.field, issue.column, issue.value) == (None, None, None)
    assert issue.arguments == {"value": "x" * 199 + "…, " + MASK}


# A kind without a key -------------------------------------------------------------------------------------------------


def test_without_a_key_every_row_is_created(database: Database, loader: Connection, tenant) -> None:
    kind = ImportKind("events", Schema((Field("what"), Field("code", unique=True))), modes=(Mode.CREATE,))
    declare(database, kind)
    place = Place(database, loader, tenant.id, kind)
    assert words(place.load({"what": "x"}, {"what": "x"}, mode=Mode.CREATE)) == ["created", "created"]
    assert words(place.load({"what": "x", "code": "1"}, mode=Mode.CREATE)) == ["created"]
    loaded = place.load({"what": "y", "code": "1"}, {"what": "y", "code": "2"}, mode=Mode.CREATE)
    assert words(loaded) == ["failed", "created"]
    assert codes(loaded) == [(1, "unique", "code")]
    assert len(place.rows()) == 4


# Races and refusals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "outcome"),
    [(Mode.UPSERT, "updated"), (Mode.CREATE, "failed"), (Mode.SKIP_EXISTING, "skipped")],
)
def test_a_row_that_somebody_else_wrote_first_is_matched_again(people: Place, mode, outcome) -> None:
    """The loader takes the table for empty; somebody who does not wait for his turn writes before its first chunk commits."""
    rows = [{"email": "a", "name": "mine"}, {"email": "b", "name": "mine"}]
    people.job += 1
    loader = people.loader(rows, ImportOptions(mode))
    with transaction(people.connection, people.tenant, UUID(int=1)):
        loader.foresee(chunk_of(PEOPLE, [rows[1]], fresh=True))  # has looked: empty
    people.load({"email": "a", "name": "theirs"})
    with transaction(people.connection, people.tenant, UUID(int=1)):
        loaded = loader.load(chunk_of(PEOPLE, rows, fresh=True))
    assert words(loaded) == [outcome, "created"]
    assert people.rows()[0]["name"] == ("mine" if outcome == "updated" else "theirs")


def test_a_row_that_somebody_changes_while_it_is_overwritten_is_matched_again(people: Place, admin: Connection) -> None:
    """Somebody who takes no turn holds the row, and lets go when the loader waits for it: what is kept is what he wrote."""
    people.load({"email": "a", "name": "old"}, {"email": "b", "name": "old"})
    found: list[Loaded] = []

    def load() -> None:
        with connect(people.database, Role.LOADER) as connection:
            place = replace(people, connection=connection)
            found.append(place.load({"email": "a", "name": "mine"}, {"email": "b", "name": "mine"}))

    loading = threading.Thread(target=load)
    with connect(people.database, Role.OWNER) as other, transaction(other, people.tenant, UUID(int=9)):
        other.execute("update rows.people set name = 'theirs' where email = 'a'")
        loading.start()
        while not admin.execute("select 1 from pg_locks where not granted").fetchone():
            assert loading.is_alive()
    loading.join()
    assert words(found[0]) == ["updated", "updated"]
    assert [row["name"] for row in people.rows()] == ["mine", "mine"]
    kept = admin.execute("select row, image ->> 'name' from before_images order by row").fetchall()
    assert kept == [(1, "theirs"), (2, "old")]


def test_a_row_that_the_database_alone_refuses_is_found_and_the_rest_goes_in(people: Place) -> None:
    rows: list[Mapping[str, object]] = [{"email": f"{n:03}", "extra": "{}"} for n in range(50)]
    rows[7] = {"email": "007", "extra": '{"a": "\\u0000"}'}
    rows[31] = {"email": "".join(chr(0x4E00 + n * 7 % 20_000) for n in range(9_000)), "extra": "{}"}
    for loaded in (people.load(*rows, fresh=True), people.load(*rows)):
        assert [(issue.row, issue.code) for issue in loaded.issues] == [(8, "rejected"), (32, "rejected")]
        assert (
            loaded.issues[0].message
            == "The destination refused the row: a text holds a character that cannot be stored."
        )
        assert loaded.issues[1].message == "The destination refused the row: a key is too long for its index."
    assert len(people.rows()) == 48


def test_a_missing_key_is_refused_by_the_database(people: Place) -> None:
    assert codes(people.load({"email": None}, {"email": "a"}, fresh=True)) == [(1, "rejected", None)]


def test_many_chunks_in_one_transaction_see_each_other_and_roll_back_together(people: Place) -> None:
    loader = people.loader([{"email": "", "name": ""}], ImportOptions(Mode.UPSERT))
    with transaction(people.connection, people.tenant, UUID(int=1)):
        loader.load(chunk_of(PEOPLE, [{"email": "a", "name": "1"}], fresh=True))
        loaded = loader.load(chunk_of(PEOPLE, [{"email": "a", "name": "1"}, {"email": "b", "name": "1"}], fresh=False))
        assert words(loaded) == ["unchanged", "created"]
        assert words(loader.load(chunk_of(PEOPLE, [{"email": "b", "name": "2"}], fresh=False))) == ["updated"]
        raise psycopg.Rollback
    assert people.rows() == []


def test_a_chunk_may_be_repeated_after_its_transaction_was_lost(people: Place) -> None:
    loader = people.loader([{"email": "", "name": ""}], ImportOptions(Mode.UPSERT))
    chunk = chunk_of(PEOPLE, [{"email": "a", "name": "1"}], fresh=False)

    class Lost(Exception):
        pass

    def lose() -> None:
        with transaction(people.connection, people.tenant, UUID(int=1)):
            loader.load(chunk)
            raise Lost

    with pytest.raises(Lost):
        lose()
    with transaction(people.connection, people.tenant, UUID(int=1)):
        assert words(loader.load(chunk)) == ["created"]
    assert len(people.rows()) == 1


def test_two_jobs_with_the_same_keys_in_opposite_order_end_as_if_one_after_another(people: Place) -> None:
    rows = [{"email": f"{n:04}", "name": "0"} for n in range(300)]
    people.load(*rows)
    failures: list[BaseException] = []

    def work(number: int, own: Sequence[Mapping[str, object]]) -> None:
        try:
            with connect(people.database, Role.LOADER) as connection:
                place = replace(people, connection=connection, job=number)
                for _ in range(5):
                    for start in range(0, 300, 30):
                        place.load(*({**row, "name": str(number)} for row in own[start : start + 30]))
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n, own)) for n, own in ((100, rows), (200, rows[::-1]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(people.rows()) == 300


# Walls ----------------------------------------------------------------------------------------------------------------


def test_two_tenants_have_rows_of_the_same_key(people: Place, tenants) -> None:
    other = replace(people, tenant=tenants("globex").id)
    assert words(people.load({"email": "a", "name": "mine", "tax_id": "1"})) == ["created"]
    assert words(other.load({"email": "a", "name": "theirs", "tax_id": "1"})) == ["created"]
    assert words(people.load({"email": "a", "name": "mine", "tax_id": "1"})) == ["unchanged"]
    assert [row["name"] for row in people.rows()] == ["mine"]
    assert [row["name"] for row in other.rows()] == ["theirs"]


def test_the_loader_can_say_neither_tenant_nor_job(people: Place) -> None:
    for column in ("tenant_id", "_job_id"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), people.connection.transaction():
            people.connection.execute(f"insert into rows.people (email, _row, {column}) values ('a', 1, null)")


def test_without_a_tenant_nothing_goes_in(people: Place) -> None:
    loader = people.loader([{"email": "a"}], ImportOptions(Mode.UPSERT))
    with transaction(people.connection, None):
        loaded = loader.load(chunk_of(PEOPLE, [{"email": "a"}], fresh=True))
    assert words(loaded) == ["failed"]


def test_the_row_policies_hold_alone(people: Place, tenants, app: Connection) -> None:
    people.load({"email": "a"})
    with transaction(app, tenants("globex").id):
        assert app.execute("select count(*) from rows.people").fetchone() == (0,)
    with transaction(app, people.tenant):
        assert app.execute("select count(*) from rows.people").fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
            app.execute("delete from rows.people")


def test_a_look_up_uses_the_key_and_never_the_whole_table(people: Place, admin: Connection) -> None:
    rows = [{"email": f"{n:05}", "name": "x"} for n in range(3_000)]
    people.load(*rows, fresh=True)
    before = _scans(admin)
    people.load(*rows[:100])
    after = _scans(admin)
    assert after["seq_tup_read"] == before["seq_tup_read"]


def _scans(admin: Connection) -> Mapping[str, int]:
    admin.execute("select pg_stat_force_next_flush()")
    row = admin.execute(
        "select seq_tup_read, idx_tup_fetch from pg_stat_all_tables where relname = 'people'"
    ).fetchone()
    assert row is not None
    return {"seq_tup_read": row[0], "idx_tup_fetch": row[1]}


# The table ------------------------------------------------------------------------------------------------------------


def test_making_a_table_again_changes_nothing(people: Place) -> None:
    people.load(FULL)
    declare(people.database, PEOPLE)
    assert len(people.rows()) == 1


def test_a_change_that_only_adds_is_applied(people: Place) -> None:
    people.load(FULL)
    fields = [replace(f, precision=20, scale=4) if f.name == "balance" else f for f in PEOPLE.schema.fields]
    wider = replace(PEOPLE, schema=replace(PEOPLE.schema, fields=(*fields, Field("note"))))
    declare(people.database, wider)
    place = replace(people, kind=wider)
    assert words(place.load({"email": FULL["email"], "note": "n", "balance": Decimal("1.0001")})) == ["updated"]
    [row] = place.rows()
    assert (row["note"], row["balance"], row["name"]) == ("n", "1.0001", FULL["name"])


def test_a_change_that_does_more_is_refused_by_name(people: Place) -> None:
    people.load(FULL)
    fields = tuple(
        replace(f, type=FieldType.STRING) if f.name == "age" else f for f in PEOPLE.schema.fields if f.name != "tags"
    )
    other = replace(PEOPLE, schema=replace(PEOPLE.schema, fields=fields))
    with pytest.raises(KindDiffers) as refused:
        declare(people.database, other)
    assert "the field tags is gone" in str(refused.value)
    assert "age: its type is integer and would be string" in str(refused.value)
    assert len(people.rows()) == 1


def test_a_table_without_rows_takes_any_change(people: Place) -> None:
    other = replace(PEOPLE, schema=Schema((Field("id", FieldType.INTEGER),), ("id",)))
    declare(people.database, other)
    assert words(replace(people, kind=other).load({"id": 1})) == ["created"]


def test_two_processes_may_make_a_table_at_once(database: Database) -> None:
    failures: list[BaseException] = []
    start = threading.Barrier(4)

    def work() -> None:
        try:
            with connect(database, Role.OWNER) as owner:
                start.wait()
                ensure_table(owner, PEOPLE)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_tenants_own_kind_and_hostile_names_stay_names(database: Database, loader: Connection, tenant) -> None:
    fields = tuple(Field(name) for name in ("select", "order-by", 'a"; drop table jobs; --', "{0}", "é" * 31))
    kind = ImportKind("k" * 60, Schema((Field("id", pattern="%s'{0}"), *fields), ("id", "select")), tenant=tenant.id)
    declare(database, kind)
    place = Place(database, loader, tenant.id, kind)
    row = {field.name: "1" for field in kind.schema.fields}
    assert words(place.load(row)) == ["created"]
    assert words(place.load({**row, "{0}": "2"})) == ["updated"]
    assert place.rows()[0]["{0}"] == "2"
    assert len(table_name(kind).encode()) <= 63
    assert table_name(kind) != table_name(replace(kind, tenant=None))


# Reading --------------------------------------------------------------------------------------------------------------


def reading(place: Place, *filters: Filter) -> PostgresReading:
    return PostgresReading(lambda: connect(place.database, Role.APP), place.kind, place.tenant, filters)


def test_rows_are_read_in_pages_by_key(people: Place) -> None:
    people.load(*({"email": f"{n:02}"} for n in range(25)))
    source = reading(people)
    assert source.count() == 25
    seen: list[object] = []
    after = None
    while True:
        with source.batches(after, 10) as batches:
            page = next(batches, ())
        if not page:
            break
        seen += [row["email"] for row in page]
        after = json.loads(json.dumps(source.key_of(page[-1])))
    assert seen == [f"{n:02}" for n in range(25)]


@pytest.mark.parametrize(
    ("field", "operator", "value", "found"),
    [
        ("email", "eq", "a", ["a"]),
        ("age", "gte", "2", ["b"]),
        ("balance", "lte", "1.5", ["a"]),
        ("born", "gte", "2000-01-01", ["b"]),
        ("seen", "lte", "2020-01-01T01:00:00+01:00", ["a"]),
        ("active", "eq", "true", ["a"]),
        ("extra", "eq", '{"a": 1.0}', ["a"]),
        ("_row", "gte", "2", ["b"]),
        ("_job_id", "eq", str(UUID(int=1)), ["a", "b"]),
    ],
)
def test_rows_are_filtered_by_values_of_the_fields_type(people: Place, field, operator, value, found) -> None:
    first = {"age": 1, "balance": Decimal("1.50"), "born": date(1999, 1, 1), "active": True, "extra": '{"a":1}'}
    second = {"age": 2, "balance": Decimal("1.51"), "born": date(2000, 1, 1), "active": False, "extra": "{}"}
    people.load(
        {"email": "a", "seen": datetime(2020, 1, 1, tzinfo=UTC), **first},
        {"email": "b", "seen": datetime(2020, 1, 1, 0, 0, 1, tzinfo=UTC), **second},
    )
    assert [row["email"] for row in people.rows(Filter(field, operator, value))] == found
    assert reading(people, Filter(field, operator, value)).count() == len(found)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nothing", "1"),
        ("age", "1.5"),
        ("age", "9223372036854775808"),
        ("ratio", "1e400000"),
        ("ratio", "NaN"),
        ("active", "yes"),
        ("born", "2020-02-30"),
        ("seen", "now"),
        ("wakes", "25:00"),
        ("extra", "{"),
        ("name", "a\0b"),
        ("_job_id", "1"),
    ],
)
def test_a_filter_that_is_no_value_of_the_field_is_refused(people: Place, field, value) -> None:
    with pytest.raises(Invalid):
        reading(people, Filter(field, "eq", value))


def test_a_number_inside_an_object_is_never_rounded(people: Place) -> None:
    people.load(
        {"email": "a", "extra": '{"n": 0.1, "big": 12345678901234567890123, "long": 0.12345678901234567890123}'}
    )
    assert people.rows()[0]["extra"] == {"n": 0.1, "big": 12345678901234567890123, "long": "0.12345678901234567890123"}


def test_rows_are_looked_up_by_their_key_also_in_a_table_without_statistics(people: Place) -> None:
    rows = [{"email": f"p{n}@example.org", "name": "Ana", "tax_id": str(n)} for n in range(2_000)]
    people.load(*rows, fresh=True)
    loader = people.loader(rows, ImportOptions(Mode.UPSERT))
    statements = loader._statements
    itself = ForeignKey(("email",), "", ("email",))
    with transaction(people.connection, people.tenant, UUID(int=99)):
        people.connection.execute(BY_INDEX)
        loader._stage(
            chunk_of(people.kind, rows, fresh=None),
            loader._verdicts(chunk_of(people.kind, rows, fresh=None)),
            np.arange(2_000),
        )
        for statement, parameters, key in (
            (statements.match, [], "email = s.email"),
            (statements.conflicts(["tax_id"]), [], "tax_id = s.tax_id"),
            (statements.update, [[1, 2], "people"], "email = s.email"),
            (look(None, ((itself, people.kind),)), [[row["email"] for row in rows]], "email = (s.v0)::text"),
        ):
            plan = "\n".join(line for (line,) in people.connection.execute(b"explain " + statement, parameters))
            assert f"AND ({key})" in plan, plan
            assert "Seq Scan on people" not in plan
            assert "Materialize" not in plan
        plan = "\n".join(
            line
            for (line,) in people.connection.execute(
                b"explain " + (statements.look_by_place or b""), [1_000, "(0,0)", "(5,0)"]
            )
        )
        assert "Tid Range Scan on people" in plan, plan
