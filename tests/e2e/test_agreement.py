"""A slow independent reader agrees with the whole server on the line, the field and the code of each failing row."""

import csv
import io
from collections import defaultdict

from driving import Running
from rowferry.demo import messy
from rowferry.domain.schema import ImportOptions, Mode
from rowferry.kinds.customers import kind
from slow_reader import find_duplicates, read_rows

FIELDS = ("email", "name", "country", "start_date", "balance", "active", "manager_email", "tax_id")
ROWS = 10_000
Faults = dict[int, set[tuple[int, str | None, str]]]


def read_slowly(content: bytes) -> Faults:
    """The faults of each row as (line, field, code), by Python's csv module and plain checks."""
    reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";")
    next(reader)
    lines: list[int] = []
    records: list[list[str]] = []
    before = reader.line_num
    for record in reader:
        if any(record):
            lines.append(before + 1)
            records.append(record)
        before = reader.line_num
    faults: Faults = defaultdict(set)
    ragged = {}
    for number, record in enumerate(records, 1):
        if len(record) != len(FIELDS):
            ragged[number] = "missing-cell" if len(record) < len(FIELDS) else "extra-cell"
            faults[number].add((lines[number - 1], None, ragged[number]))
    options = ImportOptions(Mode.UPSERT)
    whole = [number for number in range(1, len(records) + 1) if number not in ragged]
    read = read_rows(kind, options, FIELDS, [records[number - 1] for number in whole])
    for number, row in zip(whole, read, strict=True):
        row.number = number
        faults[number] |= {(lines[number - 1], field, code) for field, code in row.faults}
    for number, field, code, _ in find_duplicates(kind, options, read):
        faults[number].add((lines[number - 1], field, code))
    good = {str(row.values["email"]) for row in read if not faults[row.number]}
    for row in read:
        manager = row.values["manager_email"]
        if not faults[row.number] and manager is not None and manager not in good:
            faults[row.number].add((lines[row.number - 1], "manager_email", "foreign-key"))
    return {number: found for number, found in faults.items() if found}


def test_line_field_and_code_of_every_failing_row_are_those_of_a_slow_reader(running: Running) -> None:
    content = messy(ROWS)
    with running.client("agreement") as client:
        job = running.imported(client, content)
        found: Faults = defaultdict(set)
        token = ""
        while token is not None:
            query = {"page_size": 500} | ({"page_token": token} if token else {})
            page = client.get(f"/v1/jobs/{job['id']}/issues", params=query).json()
            for issue in page["issues"]:
                found[issue["row"]].add((issue["line"], issue["field"], issue["code"]))
            token = page["next_page_token"]
        expected = read_slowly(content)
        assert dict(found) == expected
        assert len(expected) > 200
        assert job["ledger"]["failed"] == len(expected)
        assert len(running.rows(client)) == job["ledger"]["created"] == ROWS - len(expected)
