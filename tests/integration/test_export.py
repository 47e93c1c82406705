"""The export of a kind's rows, and the way back: an import of the file changes nothing."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from placing import job_of
from rowferry.destinations.postgres import PostgresLoader, PostgresReading, ensure_table
from rowferry.domain.ledger import Outcome
from rowferry.domain.schema import Field, FieldType, ImportKind, ImportOptions, Mode, Schema
from rowferry.formats.csv import CsvFormat
from rowferry.kinds import export
from rowferry.pipeline import transform
from rowferry.ports import Batch, Chunk, LoadContext, Reading
from rowferry.store.database import Connection, Database, Role, connect, transaction

THINGS = ImportKind(
    "things",
    Schema(
        (
            Field("id", FieldType.INTEGER),
            Field("text"),
            Field("price", FieldType.NUMBER, scale=2, decimal_char=","),
            Field("ratio", FieldType.NUMBER),
            Field("sold", FieldType.BOOLEAN, true_values=("yes",), false_values=("no",)),
            Field("day", FieldType.DATE, format="%d.%m.%Y"),
            Field("at", FieldType.DATETIME),
            Field("local", FieldType.DATETIME, format="%Y/%m/%d um %H:%M", timezone="Europe/Berlin"),
            Field("clock", FieldType.TIME),
            Field("more", FieldType.OBJECT),
        ),
        ("id",),
        missing_values=("NULL",),
    ),
)


@dataclass
class Frame:
    """What runs a task, reduced to what a task sees."""

    reading: Reading
    done: int = 0
    checkpoint: Mapping[str, object] = field(default_factory=dict)
    entered: list[tuple[str, int | None]] = field(default_factory=list)

    @property
    def params(self) -> Mapping[str, object]:
        return {"kind": "things"}

    def enter(self, step: str, total: int | None = None) -> None:
        self.entered.append((step, total))

    def rows(self, kind: str) -> Reading:
        assert kind == "things"
        return self.reading


@pytest.fixture
def things(database: Database, loader: Connection, tenant) -> PostgresReading:
    with connect(database, Role.OWNER) as owner:
        ensure_table(owner, THINGS)
    return PostgresReading(lambda: connect(database, Role.APP), THINGS, tenant.id)


def put(loader: Connection, tenant, *rows: str) -> None:
    with transaction(loader, tenant.id, UUID(int=1)):
        for number, row in enumerate(rows, 1):
            loader.execute(
                f"insert into rows.things (id, text, price, ratio, sold, day, at, local, clock, more, _row) values ({row}, {number})"
            )


def cells(batches: list[Batch]) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(batch.output for batch in batches).decode(), newline="")))


def test_values_are_written_as_the_kind_reads_them(things, loader, tenant) -> None:
    put(
        loader,
        tenant,
        """1, E'=1+1,\\n"x"', 1234.5, 0.10000000000000000000001, true, '2024-02-29', '2024-02-29 12:00:00.123456+00',
            '2024-07-01 10:00+00', '06:30', '{"n": 0.12345678901234567890123}'""",
        "2, null, null, 1.500, false, null, '2024-02-29 12:00+00', null, null, null",
        "3, '', null, null, null, null, null, null, null, null",
    )
    frame = Frame(things)
    batches = list(export.kind.batches(frame))
    assert frame.entered == [("prepare", None), ("write", 3)]
    assert cells(batches) == [
        list(THINGS.schema.names),
        [
            "1",
            '=1+1,\n"x"',
            "1234,50",
            "0.10000000000000000000001",
            "yes",
            "29.02.2024",
            "2024-02-29T12:00:00.123456Z",
            "2024/07/01 um 12:00",
            "06:30:00",
            '{"n": 0.12345678901234567890123}',
        ],
        ["2", "NULL", "NULL", "1.5", "no", "NULL", "2024-02-29T12:00:00Z", "NULL", "NULL", "NULL"],
        ["3", "", *["NULL"] * 8],
    ]
    assert batches[0].output.endswith(b"more\r\n")
    assert b"".join(batch.outcomes for batch in batches) == bytes([Outcome.CREATED] * 3)


def test_an_export_goes_on_behind_the_last_row_that_was_committed(things, loader, tenant) -> None:
    with transaction(loader, tenant.id, UUID(int=1)):
        loader.execute("insert into rows.things (id, _row) select n, n from generate_series(1, 12345) n")
    whole = list(export.kind.batches(Frame(things)))
    assert [len(batch.outcomes) for batch in whole] == [0, 5000, 5000, 2345]
    assert [row[0] for row in cells(whole)[1:]] == [str(n) for n in range(1, 12346)]
    rest = list(export.kind.batches(Frame(things, 5000, whole[1].checkpoint)))
    assert [row[0] for row in cells(rest)] == [str(n) for n in range(5001, 12346)]


def test_an_export_of_nothing_is_a_header(things) -> None:
    assert cells(list(export.kind.batches(Frame(things)))) == [list(THINGS.schema.names)]


def test_the_result_counts_the_rows() -> None:
    assert export.kind.result({"read": 3, "created": 3}) == {"rows_exported": 3}


def test_an_import_of_the_exported_file_changes_nothing(things, loader, tenant, tmp_path) -> None:
    put(
        loader,
        tenant,
        """1, E'=1+1,\r\n"x"', 1234.5, 0.100000000000000001, true, '2024-02-29', '2024-02-29 12:00:00.123456+00',
            '2024-07-01 10:00+00', '06:30:00.5', '{"n": 0.12345678901234567890123}'""",
        "2, null, null, 123.456, false, null, '2024-02-29 12:00+00', null, null, null",
        "3, '', null, null, null, null, null, null, null, null",
    )
    path = tmp_path / "things.csv"
    path.write_bytes(b"".join(batch.output for batch in export.kind.batches(Frame(things))))
    options = ImportOptions(Mode.UPSERT)
    form = CsvFormat(1 << 20, 100)
    inspection = form.inspect(path, options.reading, tmp_path)
    plan = transform.compile(THINGS, inspection.columns, tuple(enumerate(THINGS.schema.names)), options)
    [block] = form.read(path, inspection, tmp_path)
    checked = plan.apply(block)
    assert [(issue.field, issue.code) for issue in checked.issues] == []
    chunk = Chunk(1, 3, checked.lines, checked.frame, None, lambda row: "")
    destination = PostgresLoader(loader, LoadContext(THINGS, job_of(tenant.id, 2), plan.fields, options))
    with transaction(loader, tenant.id, UUID(int=2)):
        loaded = destination.load(chunk)
    assert [Outcome(byte) for byte in loaded.outcomes] == [Outcome.UNCHANGED] * 3
