"""A slow independent reader agrees with the whole server on the line, the field and the code of each failing row."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from driving import Running
from rowferry.demo import messy
from rowferry.domain.schema import ImportOptions, Mode
from rowferry.kinds.customers import kind
from slow_reader import find_duplicates, read_rows

FIELDS = ("email", "name", "country", "start_date", "balance", "active", "manager_email", "tax_id")
ROWS = 10_000
Faults = dict[int, set[tuple[int, str | None, str]]]


@dataclass(frozen=True)
class File:
    """A file with the records that a slow reader makes of it, and the line of each."""

    content: bytes
    records: list[list[str]]
    lines: list[int]


def delimited(content: bytes) -> File:
    """By Python's csv module."""
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
    return File(content, records, lines)


def as_lines(records: list[list[str]]) -> File:
    """An object a line, all values texts."""
    objects = (json.dumps(dict(zip(FIELDS, record, strict=True))) for record in records)
    return File("\n".join(objects).encode(), records, list(range(1, len(records) + 1)))


def as_workbook(records: list[list[str]]) -> File:
    """A row a record below the header, all cells texts."""
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        for line, record in enumerate([FIELDS, *records]):
            for at, cell in enumerate(record):
                sheet.write_string(line, at, cell)
    return File(data.getvalue(), records, list(range(2, len(records) + 2)))


def as_parquet(records: list[list[str]]) -> File:
    """Columns of texts."""
    data = io.BytesIO()
    pq.write_table(pa.table({name: [record[at] for record in records] for at, name in enumerate(FIELDS)}), data)
    return File(data.getvalue(), records, list(range(1, len(records) + 1)))


def faults_of(file: File) -> Faults:
    """The faults of each row as (line, field, code), by plain checks."""
    records, lines = file.records, file.lines
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
        if manager is not None and manager not in good:
            faults[row.number].add((lines[row.number - 1], "manager_email", "foreign-key"))
    return {number: found for number, found in faults.items() if found}


def compare(running: Running, tenant: str, file: File) -> int:
    """Imports the file into an empty tenant and compares; gives how many rows failed."""
    with running.client(tenant) as client:
        job = running.imported(client, file.content)
        found: Faults = defaultdict(set)
        token = ""
        while token is not None:
            query = {"page_size": 500} | ({"page_token": token} if token else {})
            page = client.get(f"/v1/jobs/{job['id']}/issues", params=query).json()
            for issue in page["issues"]:
                found[issue["row"]].add((issue["line"], issue["field"], issue["code"]))
            token = page["next_page_token"]
        expected = faults_of(file)
        assert dict(found) == expected
        assert job["ledger"]["failed"] == len(expected)
        assert len(running.rows(client)) == job["ledger"]["created"] == len(file.records) - len(expected)
        return len(expected)


def test_line_field_and_code_of_every_failing_row_are_those_of_a_slow_reader(running: Running) -> None:
    file = delimited(messy(ROWS))
    assert len(file.records) == ROWS
    assert compare(running, "agreement", file) > 200


@pytest.mark.parametrize("write", [as_lines, as_workbook, as_parquet])
def test_the_same_rows_fail_alike_in_every_format(running: Running, write: Callable[[list[list[str]]], File]) -> None:
    records = [record for record in delimited(messy(ROWS // 4)).records if len(record) == len(FIELDS)]
    assert compare(running, f"agreement-{write.__name__.replace('_', '-')}", write(records)) > 40
