"""The deletion of a kind's rows: which rows go, what is kept of them, and that a crash or a cancel between batches breaks no books."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from rowferry.destinations.postgres import check_choice, ensure_table
from rowferry.domain.declaration import from_declaration
from rowferry.domain.faults import Invalid
from rowferry.domain.job import Job, JobId
from rowferry.domain.schema import ImportKind
from rowferry.ids import uuid7
from rowferry.kinds import bin as bins
from rowferry.kinds import delete, inventory, item, lot
from rowferry.kinds import unit_of_measure as units
from rowferry.points import Points
from rowferry.ports import Choice
from rowferry.store import jobs, packing
from rowferry.store.database import Connection, Database, Role, connect, transaction
from rowferry.worker import attempt
from tenants import Tenant
from workshop import Workshop, workshop_of

NUMBERS = from_declaration(
    {
        "name": "numbers",
        "schema": {
            "fields": [{"name": "id", "type": "integer"}, {"name": "word", "type": "string"}],
            "primaryKey": ["id"],
        },
    }
)
EVENTS = from_declaration({"name": "events", "schema": {"fields": [{"name": "what", "type": "string"}]}})
BUILT_IN = (item.kind, bins.kind, lot.kind, units.kind, inventory.kind, delete.kind)
KINDS = {one.name: one for one in (NUMBERS, EVENTS, *BUILT_IN)}
STOCK = [
    ("apple", "a1", "l1", "2026-03-01", "kg"),
    ("apple", "b1", "l1", "2026-03-02", "Kilogram"),
    ("pear", "a1", "l2", "2026-03-03", "kg"),
    ("pear", "b1", "l2", "2026-03-04", "pc"),
]
BINS = [("a1", "North", "cold"), ("b1", "South", "warm")]


@pytest.fixture
def workshop(database: Database, admin: Connection, system: Connection, tenant: Tenant, tmp_path: Path) -> Workshop:
    made = workshop_of(database, admin, system, tenant, tmp_path)
    with connect(database, Role.OWNER) as owner:
        for kind in KINDS.values():
            if isinstance(kind, ImportKind):
                ensure_table(owner, kind)
    return replace(
        made,
        parts=replace(made.parts, kinds=lambda *_: KINDS),
    )


def put(
    workshop: Workshop, statement: str, rows: Sequence[Sequence[object]] = ((),), tenant: int | None = None
) -> None:
    with (
        connect(workshop.database, Role.LOADER) as loader,
        transaction(loader, tenant or workshop.tenant.id, UUID(int=1)),
    ):
        for row in rows:
            loader.execute(statement, row or None)


def put_numbers(workshop: Workshop, count: int) -> None:
    put(
        workshop,
        f"insert into rows.numbers (id, word, _row) select n, 'w' || n % 10, n from generate_series(1, {count}) n",
    )


def put_stock(workshop: Workshop) -> None:
    put(workshop, "insert into rows.bin (name, location, location_area, _row) values (%s, %s, %s, 1)", BINS)
    put(
        workshop,
        "insert into rows.\"unit-of-measure\" (name, abbreviation, _row) values ('Kilogram', 'kg', 1), ('Piece', 'pc', 2)",
    )
    columns = "item_name, bin_name, lot_name, date_filled, uom"
    put(
        workshop,
        f'insert into rows."inventory-import" ({columns}, quantity, _row) values (%s, %s, %s, %s, %s, 1, 1)',
        STOCK,
    )


def submit(workshop: Workshop, kind: str, *any_of: Mapping[str, object]) -> JobId:
    job_id = JobId(uuid7())
    workshop.admin.execute(
        "insert into jobs (id, tenant_id, kind, type, steps, params, attempts_max) values (%s, %s, 'delete', 'task', %s, %s, 1000)",
        [job_id, workshop.tenant.id, list(delete.kind.steps), json.dumps({"kind": kind, "any_of": any_of})],
    )
    workshop.admin.execute("insert into waiting values (%s) on conflict do nothing", [workshop.tenant.id])
    return job_id


def deleted(workshop: Workshop, kind: str, *any_of: Mapping[str, object], crashes: Sequence[int] = ()) -> Job:
    return workshop.run(submit(workshop, kind, *any_of), crashes, 10)


def given_back(workshop: Workshop, job: Job) -> list[list[str]]:
    """The artifact's rows, its header first."""
    [(blob, name)] = workshop.admin.execute(
        "select blob, name from artifacts where job_id = %s and category = 'output'", [job.id]
    ).fetchall()
    assert name == f"{job.params['kind']}.deleted.csv"
    with packing.opened(workshop.parts.blobs.local_path(blob, workshop.parts.scratch), blob) as content:
        return list(csv.reader(io.StringIO(content.read().decode(), newline="")))


def left(workshop: Workshop, column: str = "id", kind: str = "numbers") -> list[object]:
    return [row[0] for row in workshop.admin.execute(f'select {column} from rows."{kind}" order by 1')]


def images(workshop: Workshop, job: Job) -> list[tuple[int, Mapping[str, object]]]:
    return workshop.admin.execute(
        "select row, image from before_images where job_id = %s order by row", [job.id]
    ).fetchall()


# Which rows -----------------------------------------------------------------------------------------------------------


def test_rows_that_fit_are_deleted_given_back_and_kept_as_images(
    workshop: Workshop, tenants: Callable[[str], Tenant]
) -> None:
    put_numbers(workshop, 12)
    put(workshop, "insert into rows.numbers (id, word, _row) values (1, 'w1', 1)", tenant=tenants("globex").id)
    job = deleted(workshop, "numbers", {"word": ["w1", "w3"]})
    assert (job.status, job.result) == ("succeeded", {"rows_deleted": 3})
    assert job.ledger.counts() == {
        "read": 3, "created": 0, "updated": 3, "unchanged": 0, "skipped": 0, "failed": 0, "not_attempted": 0
    }  # fmt: skip
    assert given_back(workshop, job) == [["id", "word"], ["1", "w1"], ["3", "w3"], ["11", "w1"]]
    assert left(workshop) == [1, 2, 4, 5, 6, 7, 8, 9, 10, 12]
    kept = images(workshop, job)
    assert [(row, image["id"], image["_row"], image["_job_id"]) for row, image in kept] == [
        (1, 1, 1, str(UUID(int=1))),
        (2, 3, 3, str(UUID(int=1))),
        (3, 11, 11, str(UUID(int=1))),
    ]
    assert all("tenant_id" not in image for _, image in kept)


@pytest.mark.parametrize(
    ("any_of", "rest"),
    [
        ([{"item_name": ["apple"]}], ["2026-03-03", "2026-03-04"]),
        ([{"item_name": ["apple"], "bin_name": ["b1"]}], ["2026-03-01", "2026-03-03", "2026-03-04"]),
        ([{"item_name": ["apple"], "bin_name": ["b1"]}, {"lot_name": ["l2"]}], ["2026-03-01"]),
        ([{"date_filled": {"gte": "2026-03-02", "lte": "2026-03-03"}}], ["2026-03-01", "2026-03-04"]),
        ([{"date_filled": {"gte": "2026-03-02"}}], ["2026-03-01"]),
        ([{"date_filled": {"lte": "2026-03-02"}, "bin_name.location": ["North"]}], ["2026-03-02", "2026-03-03", "2026-03-04"]),
        ([{"bin_name.location": ["North", "East"]}], ["2026-03-02", "2026-03-04"]),
        ([{"bin_name.location": ["North"], "bin_name.location_area": ["warm"]}], ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"]),
        ([{"uom.abbreviation": ["kg"]}], ["2026-03-04"]),
        ([{"item_name": ["' or true --"]}], ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"]),
    ],
)  # fmt: skip
def test_conditions_of_an_object_add_up_objects_are_alternatives_and_references_are_followed(
    workshop: Workshop, any_of: list[Mapping[str, object]], rest: list[str]
) -> None:
    put_stock(workshop)
    job = deleted(workshop, "inventory-import", *any_of)
    assert job.status == "succeeded"
    assert left(workshop, "date_filled::text", "inventory-import") == rest
    assert job.ledger.updated == 4 - len(rest)


def test_a_row_of_another_tenant_is_nothing_that_a_reference_follows(
    workshop: Workshop, tenants: Callable[[str], Tenant]
) -> None:
    put_stock(workshop)
    put(workshop, "delete from rows.bin")
    put(workshop, "insert into rows.bin (name, location, _row) values ('a1', 'North', 1)", tenant=tenants("globex").id)
    assert deleted(workshop, "inventory-import", {"bin_name.location": ["North"]}).result == {"rows_deleted": 0}


def test_rows_of_a_kind_without_a_key_are_deleted_too(workshop: Workshop) -> None:
    put(workshop, "insert into rows.events (what, _row) select 'e' || n % 2, n from generate_series(1, 6) n")
    assert deleted(workshop, "events", {"what": ["e1"]}).result == {"rows_deleted": 3}
    assert left(workshop, "what", "events") == ["e0"] * 3


def test_where_nothing_fits_the_job_succeeds_with_nothing(workshop: Workshop) -> None:
    put_numbers(workshop, 3)
    job = deleted(workshop, "numbers", {"id": ["9"]})
    assert (job.status, job.result, job.ledger.read) == ("succeeded", {"rows_deleted": 0}, 0)
    assert left(workshop) == [1, 2, 3]


@pytest.mark.parametrize(
    ("conditions", "named"),
    [
        ({"colour": ["red"]}, "colour"),
        ({"date_filled": ["yesterday"]}, "date_filled"),
        ({"date_filled": {"gte": "2026-02-30"}}, "date_filled"),
        ({"quantity": ["1", "many"]}, "quantity"),
        ({"bin_name.colour": ["red"]}, "colour"),
        ({"quantity.unit": ["kg"]}, "quantity"),
    ],
)
def test_a_condition_that_does_not_hold_is_named(conditions: Mapping[str, object], named: str) -> None:
    with pytest.raises(Invalid, match=named):
        check_choice(Choice(inventory.kind, delete.removes({"any_of": [conditions]}), {"bin": bins.kind}))


@pytest.mark.parametrize("any_of", [[], [{}], [{"id": ["1"]}, {}]])
def test_without_a_condition_nothing_is_chosen_never_all_rows(any_of: list[Mapping[str, object]]) -> None:
    with pytest.raises(Invalid, match="all rows"):
        check_choice(Choice(NUMBERS, delete.removes({"any_of": any_of})))


# Batches --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("crashes", [[at] for at in range(16)] + [[5, 3], [8, 8]])
def test_a_crash_at_any_moment_deletes_each_row_once_and_gives_each_back_once(
    workshop: Workshop, crashes: list[int]
) -> None:
    put_numbers(workshop, 12_000)
    job = deleted(workshop, "numbers", {"id": {"gte": "1001"}}, crashes=crashes)
    assert job.attempt.number == 1 + len(crashes)
    assert (job.status, job.result, job.ledger.read) == ("succeeded", {"rows_deleted": 11_000}, 11_000)
    assert len(left(workshop)) == 1_000
    assert [row[0] for row in given_back(workshop, job)[1:]] == [str(number) for number in range(1_001, 12_001)]
    assert [(row, image["id"]) for row, image in images(workshop, job)] == [(n, 1_000 + n) for n in range(1, 11_001)]


class Meddling(Points):
    """Does something once, when the first batch has committed."""

    def __init__(self, meddle: Callable[[], object]) -> None:
        super().__init__(None)
        self._meddle = meddle

    def reach(self, name: str, job: object = "-", row: int = 0) -> None:
        if (name, row) == ("chunk.committed", delete.BATCH_ROWS):
            self._meddle()


def meddled_with(workshop: Workshop, job_id: JobId, meddle: Callable[[], object]) -> Job:
    """One attempt, with something done behind its first batch."""
    claimed = jobs.claim(workshop.system, "test", 60)
    assert claimed is not None
    parts = replace(workshop.parts, points=Meddling(meddle))
    attempt.run(parts, claimed.id, claimed.attempt.number, claimed.tenant, lambda: False)
    return workshop.run(job_id, [], 10)


def test_rows_that_come_and_go_meanwhile_do_not_break_the_books(workshop: Workshop) -> None:
    def meddle() -> None:
        put(workshop, "delete from rows.numbers where id > 11000")
        put(workshop, "insert into rows.numbers (id, word, _row) values (0, 'late', 1), (20000, 'late', 2)")

    put_numbers(workshop, 12_000)
    job = meddled_with(workshop, submit(workshop, "numbers", {"id": {"gte": "0"}}), meddle)
    assert (job.status, job.result) == ("succeeded", {"rows_deleted": 11_001})
    assert (job.ledger.read, job.ledger.not_attempted) == (11_001, 0)
    assert left(workshop) == [0]


def test_a_cancel_between_batches_leaves_the_rest_and_gives_back_what_went(workshop: Workshop) -> None:
    put_numbers(workshop, 12_000)
    job_id = submit(workshop, "numbers", {"id": {"gte": "1"}})
    cancel = "update jobs set cancel_requested_at = now() where id = %s"
    job = meddled_with(workshop, job_id, lambda: workshop.admin.execute(cancel, [job_id]))
    assert (job.status, job.ledger.updated, job.ledger.not_attempted) == ("cancelled", 10_000, 2_000)
    assert left(workshop) == list(range(10_001, 12_001))
    assert len(given_back(workshop, job)) == 10_001
