"""The flows that Claret recommends, by a real server with workers: send, poll to the end, download; refresh and correct."""

import csv
import io
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from driving import PROGRAM, Running, up

BASE = "/acme/api/v1"
FIXTURES = Path(__file__).parents[4] / "shared/spec/fixtures/claret"
VENDOR = pytest.mark.skipif(not FIXTURES.is_dir(), reason="the fixtures of the specification are not here")
ARGUMENTS = {"allow_record_creation": True, "allow_record_update": True, "should_continue_on_error": True}
HEADER = "item_name,bin_name,lot_name,date_filled,quantity,uom\n"
REFERENCES = {
    "item": [{"name": f"Item {letter}"} for letter in "ABCD"],
    "bin": [
        {"name": "Bin 1", "location": "Site 1", "location_area": "Hall 1"},
        {"name": "Bin 2", "location": "Site 1", "location_area": "Hall 2"},
        {"name": "Bin 3", "location": "Site 2", "location_area": "Hall 1"},
    ],
    "lot": [{"name": "Lot 1"}, {"name": "Lot 2"}],
    "unit-of-measure": [{"name": "Kilogram", "abbreviation": "kg"}],
}


def record(item="Item A", bin_name="Bin 1", lot="Lot 1", day="2026-03-04", quantity: object = 1, uom="kg") -> dict:
    return {
        "item_name": item,
        "bin_name": bin_name,
        "lot_name": lot,
        "date_filled": day,
        "quantity": quantity,
        "uom": uom,
    }


@pytest.fixture(scope="module")
def running(data_folders) -> Iterator[Running]:
    """A server whose tenant has what inventory refers to."""
    with up(data_folders(), workers=1) as server, server.client() as client:
        for kind, rows in REFERENCES.items():
            sent = client.post("/v1/imports", json={"kind": kind, "rows": rows})
            assert server.ended(client, sent.json()["id"])["status"] == "succeeded"
        yield server


@pytest.fixture
def client(running) -> Iterator[httpx2.Client]:
    """A client that does as the vendor says, on an inventory that is empty."""
    with running.client() as client:
        client.headers["X-Requested-With"] = "XMLHttpRequest"
        delete(client, items=[row["name"] for row in REFERENCES["item"]])
        yield client


def delete(client: httpx2.Client, **body: object) -> int:
    answer = client.post(f"{BASE}/inventory/batch-delete", json=body)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"message", "content"}
    assert set(answer.json()["content"]) == {"deleted", "job_status_link"}
    return answer.json()["content"]["deleted"]


def imported(client: httpx2.Client, *records: dict, **arguments: bool) -> dict:
    body = {"source": "api", "arguments": ARGUMENTS | arguments, "payload": records}
    answer = client.post(f"{BASE}/inventory/import/process", json=body)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"message", "content"}
    content = answer.json()["content"]
    assert list(content) == ["created", "updated", "failed", "errors", "job_status_link"]
    return content


def counts(content: dict) -> tuple[int, int, int]:
    return content["created"], content["updated"], content["failed"]


def sent(client: httpx2.Client, text: str, **fields: str) -> int:
    form = {"source": "api", "arguments": json.dumps(ARGUMENTS)} | fields
    files = {"file": ("stock.csv", text.encode(), "text/csv")}
    answer = client.post(f"{BASE}/inventory/import/process", data=form, files=files)
    assert answer.status_code == 202, answer.text
    return answer.json()["content"]["job_log_id"]


def polled(client: httpx2.Client, number: int) -> list[dict]:
    """Every answer until the status is a terminal word, as the vendor's loop asks for them, but without its pause."""
    seen = []
    while not seen or seen[-1]["status"] in {"pending", "in_progress"}:
        answer = client.get(f"{BASE}/imports/status/{number}")
        assert answer.status_code == 200, answer.text
        seen.append(answer.json()["content"])
    return seen


def stored(running: Running, client: httpx2.Client) -> set[tuple[str, str, str, str, str]]:
    rows = running.rows(client, "inventory-import")
    names = ("item_name", "bin_name", "lot_name", "date_filled", "quantity")
    return {tuple(str(row[name]) for name in names) for row in rows}


def table(client: httpx2.Client, path: str) -> list[dict]:
    """A downloaded file: the path as it stands behind the host, with the same header."""
    answer = client.get(path, follow_redirects=False)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv"
    assert answer.headers["content-disposition"] == f'attachment; filename="{path.rsplit("/", 1)[1]}"'
    return list(csv.DictReader(io.StringIO(answer.text)))


# Files ----------------------------------------------------------------------------------------------------------------


def test_a_file_is_sent_polled_to_its_end_and_every_file_downloaded(running, client) -> None:
    good = "Item A,Bin 1,Lot 1,2026-03-04,12.500,kg\nItem B,Bin 2,Lot 2,2026-03-05,3,Kilogram\n"
    bad = "Item Z,Bin 1,Lot 1,2026-03-04,1,kg\nItem C,Bin 1,Lot 1,2026-03-04,0,kg\n"
    seen = polled(client, sent(client, HEADER + good + bad))
    steps = [content["progress"]["completed_steps"] for content in seen]
    assert steps == sorted(steps)
    assert {content["status"] for content in seen} <= {"pending", "in_progress", "completed"}
    ended = seen[-1]
    assert (ended["status"], ended["type"], ended["description"]) == (
        "completed",
        "inventory-import",
        "Inventory Import",
    )
    assert ended["progress"] == {"completed_steps": 8, "total_steps": 8, "current_step": None}
    assert ended["timestamps"]["started_at"] <= ended["timestamps"]["completed_at"]

    files = {category: table(client, *paths) for category, paths in ended["files"].items()}
    assert [row["item_name"] for row in files["input"]] == ["Item A", "Item B", "Item Z", "Item C"]
    assert {row["item_name"] for row in files["output"]} == {"Item A", "Item B"}
    assert [(row["item_name"], row["_field"]) for row in files["errors"]] == [
        ("Item Z", "item_name"),
        ("Item C", "quantity"),
    ]
    assert all(row["_message"] for row in files["errors"])
    assert stored(running, client) == {
        ("Item A", "Bin 1", "Lot 1", "2026-03-04", "12.5"),
        ("Item B", "Bin 2", "Lot 2", "2026-03-05", "3"),
    }


def test_a_file_that_is_to_stop_at_its_first_fault_fails_and_writes_nothing(running, client) -> None:
    text = f"{HEADER}Item A,Bin 1,Lot 1,2026-03-04,1,kg\nItem A,Bin 9,Lot 1,2026-03-04,1,kg\n"
    arguments = json.dumps(ARGUMENTS | {"should_continue_on_error": False})
    ended = polled(client, sent(client, text, arguments=arguments))[-1]
    assert ended["status"] == "failed"
    assert ended["files"]["output"] == []
    assert [row["_field"] for row in table(client, *ended["files"]["errors"])] == ["bin_name"]
    assert stored(running, client) == set()


def test_a_thousand_records_with_columns_of_other_names_are_imported(running, client) -> None:
    days = [
        f"{year}-{month:02}-{day:02}" for year in range(2024, 2028) for month in range(1, 13) for day in range(1, 22)
    ]
    lines = "".join(f"Item A;Bin 1;Lot 1;{day};{number + 1};kg;x\n" for number, day in enumerate(days[:1000]))
    mapping = json.dumps({"Artikel": "item_name", "Menge": "quantity"})
    number = sent(client, f"Artikel;bin_name;lot_name;date_filled;Menge;uom;note\n{lines}", field_mapping=mapping)
    ended = polled(client, number)[-1]
    assert (ended["status"], ended["files"]["errors"]) == ("completed", [])
    assert len(stored(running, client)) == 1000


def test_who_has_a_password_signs_in_sends_polls_and_downloads(running, client) -> None:
    command = [
        *PROGRAM,
        "user",
        "create",
        "--data",
        str(running.data),
        "--tenant",
        "acme",
        "--email",
        "ana@example.org",
    ]
    subprocess.run(command, input="a long password\n", check=True, capture_output=True, text=True, timeout=60)
    with httpx2.Client(base_url=running.url, headers={"X-Requested-With": "XMLHttpRequest"}, timeout=90) as ana:
        credentials = {"email": "ana@example.org", "password": "a long password"}
        token = ana.post(f"{BASE}/tokens/create", params=credentials).json()["token"]
        ana.headers["Authorization"] = f"Bearer {token}"
        ended = polled(ana, sent(ana, f"{HEADER}Item A,Bin 1,Lot 1,2026-03-04,1,kg\n"))[-1]
        assert [row["item_name"] for row in table(ana, *ended["files"]["output"])] == ["Item A"]
        assert delete(ana, items=["Item A"]) == 1


# JSON -----------------------------------------------------------------------------------------------------------------


def test_records_are_created_then_updated_and_numbers_stay_exact(running, client) -> None:
    exact = '{"source": "api", "arguments": %s, "payload": [%s]}'
    body = json.dumps(record(quantity=0)).replace('"quantity": 0', '"quantity": 12345678901234567.25')
    answer = client.post(
        f"{BASE}/inventory/import/process",
        content=exact % (json.dumps(ARGUMENTS), body),
        headers={"Content-Type": "application/json"},
    )
    assert counts(answer.json()["content"]) == (1, 0, 0)
    assert {row[4] for row in stored(running, client)} == {"12345678901234567.25"}
    again = imported(client, record(quantity=2), record(item="Item B"))
    assert (counts(again), again["errors"]) == ((1, 1, 0), [])
    assert counts(imported(client, record(quantity=2))) == (0, 1, 0)


def test_each_record_that_fails_is_told_by_its_number_with_all_its_faults(running, client) -> None:
    content = imported(
        client,
        record(),
        record(item="Item Z"),
        record(quantity=-1, day="2026-02-30"),
        {"item_name": "Item A"},
        record(item="Item B", quantity=True),
        record(item="Item C", lot=["Lot 1"]),
        record(item="Item D", uom="Kilogram", quantity="2.5"),
    )
    assert counts(content) == (2, 0, 5)
    faults = {one["row"]: one["errors"] for one in content["errors"]}
    assert sorted(faults) == [2, 3, 4, 5, 6]
    assert "Item Z" in faults[2][0]
    assert {text.partition(":")[0] for text in faults[3]} == {"date_filled", "quantity"}
    assert len(faults[4]) == 5
    assert {row[0] for row in stored(running, client)} == {"Item A", "Item D"}


def test_a_record_that_comes_again_in_one_request_updates_the_first(running, client) -> None:
    assert counts(imported(client, record(quantity=1), record(quantity=2))) == (1, 1, 0)
    assert {row[4] for row in stored(running, client)} == {"2"}
    assert counts(imported(client, record("Item B"), record("Item B"), allow_record_update=False)) == (1, 0, 1)


def test_what_may_not_be_created_or_updated_fails_by_itself(running, client) -> None:
    imported(client, record())
    created = imported(client, record(), record(item="Item B"), allow_record_update=False)
    assert (counts(created), [one["row"] for one in created["errors"]]) == ((1, 0, 1), [1])
    updated = imported(client, record(quantity=5), record(item="Item C"), allow_record_creation=False)
    assert (counts(updated), [one["row"] for one in updated["errors"]]) == ((0, 1, 1), [2])


def test_records_that_are_to_stop_at_the_first_fault_are_not_written(running, client) -> None:
    content = imported(client, record(), record(item="Item Z"), should_continue_on_error=False)
    assert counts(content) == (0, 0, 1)
    assert [one["row"] for one in content["errors"]] == [2]
    assert stored(running, client) == set()


def test_the_job_of_records_can_be_read_behind_its_link(client) -> None:
    content = imported(client, record())
    job = client.get(content["job_status_link"]).json()["content"]
    assert job["status"] == "completed"
    (path,) = job["files"]["input"]
    assert [row["item_name"] for row in table(client, path)] == ["Item A"]


# Delete ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def stock(client) -> httpx2.Client:
    """Nine rows: three items in three bins."""
    rows = [
        record(f"Item {letter}", f"Bin {number}", f"Lot {1 + (letter == 'B')}", f"2026-03-0{number}", 1)
        for letter in "ABC"
        for number in (1, 2, 3)
    ]
    assert counts(imported(client, *rows)) == (9, 0, 0)
    return client


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ({"rows": [{"item": "Item A"}]}, {"B1", "B2", "B3", "C1", "C2", "C3"}),
        ({"rows": [{"item": "Item A", "bin": "Bin 1"}, {"item": "Item C", "date_filled": "2026-03-03"}]}, {"A2", "A3", "B1", "B2", "B3", "C1", "C2"}),
        ({"rows": [{"item": "Item A", "location": "Site 1"}]}, {"A3", "B1", "B2", "B3", "C1", "C2", "C3"}),
        ({"rows": [{"item": "Item A", "location_area": "Hall 1", "lot": "Lot 1"}], "items": ["Item C"]}, {"A2", "B1", "B2", "B3", "C1", "C2", "C3"}),
        ({"rows": [{"item": "Item A", "lot": "Lot 2"}, {"item": "Item Z"}]}, {"A1", "A2", "A3", "B1", "B2", "B3", "C1", "C2", "C3"}),
        ({"items": ["Item A", "Item B"]}, {"C1", "C2", "C3"}),
        ({"locations": ["Site 2"], "items": ["Item A", "Item C"]}, {"A1", "A2", "B1", "B2", "B3", "C1", "C2"}),
        ({"location_areas": ["Hall 1"], "lots": ["Lot 1"]}, {"A2", "B1", "B2", "B3", "C2"}),
        ({"bins": ["Bin 2", "Bin 3"]}, {"A1", "B1", "C1"}),
        ({"date_filled_from": "2026-03-02"}, {"A1", "B1", "C1"}),
        ({"date_filled_to": "2026-03-02"}, {"A3", "B3", "C3"}),
        ({"date_filled_from": "2026-03-02", "date_filled_to": "2026-03-02"}, {"A1", "A3", "B1", "B3", "C1", "C3"}),
    ],
)  # fmt: skip
def test_a_delete_takes_what_its_criteria_name_and_nothing_else(running, stock, body, left) -> None:
    assert delete(stock, **body) == 9 - len(left)
    assert {row[0][-1] + row[1][-1] for row in stored(running, stock)} == left


def test_a_full_refresh_leaves_exactly_what_is_imported_behind_the_delete(running, stock) -> None:
    assert delete(stock, items=["Item A", "Item B", "Item C"]) == 9
    assert counts(imported(stock, record("Item D", quantity=7))) == (1, 0, 0)
    assert stored(running, stock) == {("Item D", "Bin 1", "Lot 1", "2026-03-04", "7")}


def test_an_incremental_update_corrects_and_then_takes_single_rows(running, stock) -> None:
    corrected = imported(stock, record("Item A", "Bin 1", "Lot 1", "2026-03-01", 5), record("Item D"))
    assert counts(corrected) == (1, 1, 0)
    assert delete(stock, rows=[{"item": "Item A", "bin": "Bin 2", "lot": "Lot 1", "date_filled": "2026-03-02"}]) == 1
    assert len(stored(running, stock)) == 9


def test_what_was_deleted_can_be_downloaded(stock) -> None:
    answer = stock.post(f"{BASE}/inventory/batch-delete", json={"items": ["Item B"], "bins": ["Bin 1", "Bin 2"]})
    job = stock.get(answer.json()["content"]["job_status_link"]).json()["content"]
    assert (job["status"], job["type"]) == ("completed", "delete")
    rows = table(stock, *job["files"]["output"])
    assert [(row["item_name"], row["bin_name"]) for row in rows] == [("Item B", "Bin 1"), ("Item B", "Bin 2")]


# As the vendor shows it -----------------------------------------------------------------------------------------------


def fixture(name: str) -> dict:
    return json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


def form(value: object) -> object:
    """What of an answer is the same for every job: keys in their order, types, and what texts look like."""
    match value:
        case dict():
            return [(key, form(one)) for key, one in value.items()]
        case list():
            return [form(one) for one in value]
        case bool() | int() | float() | None:
            return type(value)
        case _:
            numbered = re.sub(r"(?<=/)\d+(?=/|$)", "N", str(value))
            dated = re.sub(r"\d", "9", numbered)
            return re.sub(r"^https?://[^/]+", "https://host", dated)


@VENDOR
def test_live_jobs_read_as_the_vendor_shows_them(client) -> None:
    completed = polled(
        client, sent(client, f"{HEADER}Item A,Bin 1,Lot 1,2026-03-04,1,kg\nItem Z,Bin 1,Lot 1,2026-03-04,1,kg\n")
    )[-1]
    arguments = json.dumps(ARGUMENTS | {"should_continue_on_error": False})
    text = f"{HEADER}Item A,Bin 1,Lot 1,2026-03-05,1,kg\nItem Z,Bin 1,Lot 1,2026-03-04,1,kg\n"
    failed = polled(client, sent(client, text, arguments=arguments))[-1]
    for content, name in ((completed, "job-status-completed"), (failed, "job-status-failed")):
        shown = fixture(name)["content"]
        for one in (content, shown):
            one["progress"]["completed_steps"] = one["user_id"] = 1
        assert form(content) == form(shown), name


@VENDOR
def test_the_vendors_own_requests_are_taken(running, client) -> None:
    body = fixture("inventory-import-request")
    answer = client.post(f"{BASE}/inventory/import/process", json=body)
    assert counts(answer.json()["content"]) == (1, 0, 0)
    assert delete(client, **fixture("inventory-batch-delete-filter-request")) == 1
    client.post(f"{BASE}/inventory/import/process", json=body)
    assert delete(client, **fixture("inventory-batch-delete-rows-request")) == 1
    assert stored(running, client) == set()
