"""`rowferry inspect`: what is said of files, what is written of them, and how it ends; without a server or a database."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowferry.domain.schema import ReadOptions
from rowferry.inspecting import Looking, Words
from rowferry.main import readers
from rowferry.settings import Settings


class Run:
    """The command in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records = folder / "records"

    def file(self, name: str, data: bytes | str) -> str:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return name

    def inspect(self, *arguments: str, code: int = 0) -> str:
        command = [sys.executable, "-m", "rowferry", "inspect", *arguments]
        none = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "ROWFERRY_DATABASE_URL": "postgresql://nowhere.invalid/x",
        }
        done = subprocess.run(
            command, cwd=self.folder, env=none, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def written(self, name: str) -> str:
        return (self.records / f"{name}.csv").read_bytes().decode()

    def outcomes(self, name: str) -> list[tuple[int, str, list[str]]]:
        rows = json.loads((self.records / f"{name}.outcomes.json").read_text(encoding="utf-8"))["rows"]
        assert all(set(row) == {"line", "outcome", "cells"} for row in rows)
        return [(row["line"], row["outcome"], row["cells"]) for row in rows]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_it_says_what_was_detected_and_why_and_which_records_are_odd(run: Run) -> None:
    said = run.inspect(run.file("stock.csv", 'Stock;;\n\nsku;qty;note\nA;1;x\nB;2\nC;3;"y\nD;4;z\nE;5;\n\n'))
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert lines[0] == "stock.csv"
    assert "delimiter ; (4 of the first 6 records have 3 cells with it)" in lines
    assert any(line.startswith("header line 3 (each record above it fills few cells") for line in lines)
    assert "columns 3: sku, qty, note" in lines
    assert [line.split(":")[:2] for line in lines if line.startswith("line ")] == [
        ["line 5, row 2", " missing-cell"],
        ["line 6, row 3", " quote-error"],
    ]
    assert lines[-1] == "5 records, 2 of them odd"


def test_json_is_one_object_a_file(run: Run) -> None:
    names = [run.file("a.csv", "x,y\n1,2\n3\n"), run.file("b.json", "[["), run.file("c.csv", "x\n1\n")]
    first, second, third = map(json.loads, run.inspect(*names, "--json", code=1).splitlines())
    assert (first["file"], first["delimiter"], first["columns"], first["rows"]) == ("a.csv", ",", ["x", "y"], 2)
    assert {"encoding", "delimiter", "quote", "header_line"} <= first["reasons"].keys()
    assert [(one["row"], one["line"], one["code"]) for one in first["odd"]] == [(2, 3, "missing-cell")]
    assert (first["odd_records"], first["fault"]) == (1, None)
    assert second["file"] == "b.json"
    assert second["fault"]["code"]
    assert (third["file"], third["odd"], third["odd_records"]) == ("c.csv", [], 0)


def test_records_are_written_as_rfc_4180_says_with_the_header_first(run: Run) -> None:
    name = run.file("a.tsv", 'id\tname\n1\t"say ""hi"", all"\n2\tx\ty\n3\t"two\nlines"\n'.encode("utf-16"))
    run.inspect(name, "--records", "records")
    assert run.written(name) == 'id,name\r\n1,"say ""hi"", all"\r\n2,x,y\r\n3,"two\nlines"\r\n'
    assert run.outcomes(name) == [
        (2, "ok", ["1", 'say "hi", all']),
        (3, "failed", ["2", "x", "y"]),
        (4, "ok", ["3", "two\nlines"]),
    ]


def test_a_file_that_cannot_be_read_says_so_in_its_only_line(run: Run) -> None:
    name, good = run.file("a.bin", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), run.file("b.csv", "x\n1\n")
    said = run.inspect(name, good, "--records", "records", code=1)
    assert "a.bin: not-text: " in said
    assert run.written(name) == "Application Error\n"
    assert run.outcomes(name) == []
    assert run.written(good) == "x\r\n1\r\n"


@pytest.mark.parametrize("data", ["", "\n\n"])
def test_of_a_file_with_nothing_in_it_nothing_is_written(run: Run, data: str) -> None:
    name = run.file("a.csv", data)
    run.inspect(name, "--records", "records")
    assert (run.written(name), run.outcomes(name)) == ("", [])


def test_without_a_header_the_records_stand_alone(run: Run) -> None:
    name = run.file("a.csv", "1,x\n2,y,z\n3,z\n")
    said = run.inspect(name, "--header-line", "0", "--records", "records")
    assert "header line   none  (as stated: there is none)" in said
    assert run.written(name) == "1,x\r\n2,y,z\r\n3,z\r\n"
    assert [outcome for _, outcome, _ in run.outcomes(name)] == ["ok", "failed", "ok"]


def test_the_header_is_written_as_it_stands(run: Run) -> None:
    name = run.file("a.csv", "id,,name,\n1,x,y,\n")
    run.inspect(name, "--records", "records")
    assert run.written(name) == "id,,name,\r\n1,x,y,\r\n"


def test_options_are_those_of_an_import(run: Run) -> None:
    name = run.file("a.txt", "title\nid|n\xe4me\n'1|2'|x\n".encode("latin-1"))
    options = ["--delimiter", "|", "--quote", "'", "--encoding", "latin-1", "--header-line", "2"]
    said = json.loads(run.inspect(name, "--json", *options))
    assert (said["columns"], said["rows"], said["odd"]) == (["id", "näme"], 1, [])
    assert {*said["reasons"].values()} == {"as stated"}


def test_an_empty_quote_is_none(run: Run) -> None:
    said = json.loads(run.inspect(run.file("a.csv", 'a;b\n"1;2"\n'), "--quote", "", "--json"))
    assert (said["quote"], said["odd"]) == ("", [])


def test_a_sheet_is_chosen_by_its_name(run: Run) -> None:
    pl.DataFrame({"x": [1]}).write_excel(run.folder / "a.xlsx", worksheet="One")
    said = json.loads(run.inspect("a.xlsx", "--sheet", "One", "--json", "--records", "records"))
    assert (said["format"], said["sheet"], said["encoding"]) == ("xlsx", "One", None)
    assert run.written("a.xlsx") == "x\r\n1\r\n"
    assert "unknown-sheet" in run.inspect("a.xlsx", "--sheet", "Two", code=1)


@pytest.mark.parametrize(
    "arguments",
    [("missing.csv",), (), ("a.csv", "--header-line", "-1"), ("a.csv", "sub/a.csv", "--records", "records")],
)
def test_what_cannot_be_meant_is_wrong_use(run: Run, arguments: tuple[str, ...]) -> None:
    run.file("a.csv", "x\n1\n")
    run.file("sub/a.csv", "x\n1\n")
    run.inspect(*arguments, code=2)


cells = st.text(st.one_of(st.characters(exclude_categories=["Cs", "Cc"]), st.sampled_from('\n\r\t",')), max_size=8)
tables = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=8)
)


@settings(max_examples=60, deadline=None)
@given(table=tables)
def test_what_is_written_is_what_was_read(tmp_path_factory: pytest.TempPathFactory, table: list[list[str]]) -> None:
    folder = tmp_path_factory.mktemp("there-and-back")
    path = folder / "table.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["a", "b", "c", "d"][: len(table[0])], *table])
    stated = ReadOptions(delimiter=",", quote='"', encoding="utf-8", header_line=1)
    assert Looking(readers(Settings(data=folder)), stated, Words(lambda _: None), folder).files([path])

    with (folder / "table.csv.csv").open(encoding="utf-8", newline="") as file:
        back = list(csv.reader(file))[1:]
    filled = [row for row in table if any(cell.strip(" \t\v\f\r\n") for cell in row)]
    assert back == filled
    outcomes = json.loads((folder / "table.csv.outcomes.json").read_text(encoding="utf-8"))["rows"]
    assert [one["cells"] for one in outcomes] == filled
