"""The texts of the statements: names stay names, tenants are said, the loader may say neither tenant nor job."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import polars as pl
import pytest

from rowferry.destinations.postgres.stage import waves
from rowferry.destinations.postgres.statements import Statements, look
from rowferry.destinations.postgres.tables import create_statement, grant_statements, table_name
from rowferry.destinations.postgres.verdicts import text_of
from rowferry.domain.access import TenantId
from rowferry.domain.schema import Field, FieldType, ForeignKey, ImportKind, Schema

KIND = ImportKind(
    "things",
    Schema(
        (
            Field("id"),
            Field('odd" name', FieldType.NUMBER, scale=2),
            Field("ratio", FieldType.NUMBER),
            Field("note", empty="keep"),
            Field("code", unique=True),
        ),
        ("id",),
    ),
)


def statements(kind: ImportKind = KIND) -> Statements:
    return Statements(kind, kind.schema.fields, "clear")


def test_a_table_has_typed_columns_and_the_tenant_in_every_key() -> None:
    text = create_statement(KIND).as_string(None)
    assert '"id" text collate "C"' in text
    assert '"odd"" name" numeric(38, 2)' in text
    assert '"ratio" numeric,' in text
    assert '"note" text,' in text
    assert 'primary key ("tenant_id", "id")' in text
    assert 'unique ("tenant_id", "code")' in text
    assert "using brin (_job_id, _row)" in text


def test_without_a_key_rows_are_told_apart_by_job_and_row() -> None:
    kind = ImportKind("events", Schema((Field("what"),)))
    assert 'primary key ("tenant_id", "_job_id", "_row")' in create_statement(kind).as_string(None)


def test_the_loader_may_insert_neither_tenant_nor_job() -> None:
    text = grant_statements(KIND).as_string(None)
    granted = text[text.index("insert (") : text.index("update (")]
    assert "tenant_id" not in granted
    assert "_job_id" not in granted
    assert '"_row"' in granted


def test_names_of_tables_fit_and_differ() -> None:
    long = "k" * 63
    assert table_name(ImportKind(long, KIND.schema)) == long
    one, other = (table_name(ImportKind(long, KIND.schema, tenant=TenantId(number))) for number in (1, 2))
    assert one != other
    assert all(len(name.encode()) <= 63 for name in (one, other))
    assert table_name(ImportKind("a", KIND.schema, tenant=TenantId(7))) == "a@7"


def test_every_statement_on_rows_says_whose_they_are() -> None:
    made = statements()
    own = "d.tenant_id = (select rowferry.tenant())"
    for statement in (
        made.match,
        made.update,
        made.look_for_keys,
        made.look_by_key,
        made.look_by_place,
        made.conflicts(("code",)),
    ):
        assert statement is not None
        assert own in statement.decode()
    key = ForeignKey(("id",), "", ("id",))
    assert look(None, ((key, KIND), (key, KIND))).decode().count(own) == 2
    assert look(KIND, ()).decode().count(own) == 1


def test_an_empty_cell_that_keeps_overwrites_nothing() -> None:
    assert '"note" = coalesce(s."note", d."note")' in statements().update.decode()
    assert '(s."note" is not null and s."note" is distinct from d."note")' in statements().match.decode()
    assert '"ratio" = s."ratio"' in statements().update.decode()


def test_a_stage_of_other_columns_has_another_name() -> None:
    fewer = Statements(KIND, KIND.schema.fields[:2], "clear")
    assert fewer.stage != statements().stage
    assert statements().stage == statements().stage


def test_keys_of_any_type_are_looked_for_by_their_texts() -> None:
    def asked(*fields: Field, key: str) -> str:
        statement = statements(ImportKind("k", Schema(fields, tuple(key.split())))).look_for_keys
        assert statement is not None
        return statement.decode()

    assert " = any(string_to_array(%s, '\x1f')::text[])" in asked(Field("a"), key="a")
    assert " = any(string_to_array(%s, '\x1f')::bigint[])" in asked(Field("a", FieldType.INTEGER), key="a")
    assert 'd."a" = s."v0" collate "C" and d."b" = s."v1"::date' in asked(
        Field("a"), Field("b", FieldType.DATE), key="a b"
    )
    assert statements(ImportKind("k", Schema((Field("a"),)))).look_for_keys is None


def test_rows_of_one_key_come_in_waves() -> None:
    frame = pl.DataFrame({"k": ["a", "b", "a", "a", "b", "c"]})
    assert [wave.tolist() for wave in waves(frame, ("k",))] == [[0, 1, 5], [2, 4], [3]]
    assert [wave.tolist() for wave in waves(frame, ())] == [[0, 1, 2, 3, 4, 5]]
    assert list(waves(frame.clear(), ("k",))) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (7, "7"),
        (Decimal("1.500"), "1.5"),
        (Decimal(100), "100"),
        (Decimal(12345678901234567890123456789012345678), "12345678901234567890123456789012345678"),
        (Decimal("1E+3"), "1000"),
        (date(2024, 2, 29), "2024-02-29"),
        (datetime(2024, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), "2024-01-01T00:00:00Z"),
        (datetime(2024, 1, 1, tzinfo=UTC), "2024-01-01T00:00:00Z"),
        (time(6, 30), "06:30:00"),
        ("x", "x"),
    ],
)
def test_a_value_is_written_as_a_person_would(value: object, text: str) -> None:
    assert text_of(value) == text
