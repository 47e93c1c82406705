"""JSON from the outside world: texts that must be taken, texts that must be refused, and strings that must come back unchanged."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from rowferry.domain.faults import Invalid, JobStopped, MalformedJson
from rowferry.domain.schema import ReadOptions
from rowferry.formats.writers.plain import CsvWriter, JsonLinesWriter
from rowferry.main import readers
from rowferry.pipeline.inspect import open_file
from rowferry.ports import Column
from rowferry.service.records import scan
from rowferry.settings import Settings

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus"
SUITE, STRINGS = CORPUS / "json-test-suite", CORPUS / "naughty-strings" / "blns.json"
READERS = readers(Settings())
BROKEN = {"json-damaged", "json-error", "encoding-error", "malformed-json"}
NAME = "wanted"
DOCUMENTED = {
    "y_object_duplicated_key": "a name that comes twice in one object is refused, wherever it stands in a body, and as a row",
    "y_object_duplicated_key_and_value": "the same",
}

pytestmark = pytest.mark.skipif(not SUITE.is_dir(), reason="the corpus of outside files is not at ../shared/corpus")
Read = Callable[[bytes], tuple[str, list[tuple[str, ...]], set[str]]]


def texts(folder: str, starts: str) -> list[object]:
    return [pytest.param(path.read_bytes(), id=path.stem) for path in sorted((SUITE / folder).glob(f"{starts}*.json"))]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a file: its format, its good rows, and the codes of what is wrong with it or with its rows."""

    def it(content: bytes) -> tuple[str, list[tuple[str, ...]], set[str]]:
        path = tmp_path / "file"
        path.write_bytes(content)
        try:
            opened = open_file(path, ReadOptions(), READERS, tmp_path)
        except JobStopped as stopped:
            return "", [], {stopped.fault.code}
        if opened.inspection.delimiter and NAME not in opened.inspection.columns:
            return "csv", [], {"missing-columns"}  # text that is no JSON, as a table without the column that is wanted
        rows, codes = list[tuple[str, ...]](), set[str]()
        for block in opened.blocks():
            rows += block.cells.rows()
            codes |= {str(fault.code) for fault in block.faults}
        return opened.inspection.format, rows, codes

    return it


def as_row(content: bytes) -> bytes:
    return f'{{"{NAME}": '.encode() + content + b"}"


def body(content: bytes) -> set[str]:
    """The codes of what is wrong with a body."""
    try:
        scan(content.decode(), 100)
    except UnicodeDecodeError:
        return {"malformed-json"}
    except (MalformedJson, Invalid) as refusal:
        return {refusal.code}
    return set()


@pytest.mark.parametrize("content", texts("test_parsing", "y_"))
def test_json_that_is_right_is_taken_as_json(content: bytes, read: Read, request: pytest.FixtureRequest) -> None:
    documented = request.node.callspec.id in DOCUMENTED
    assert (body(content) & BROKEN and documented) or not body(content) & BROKEN
    assert body(b'{"rows": [' + as_row(content) + b"]}") == ({"malformed-json"} if documented else set())
    assert documented or not read(content)[2] & BROKEN
    line = content.replace(b"\r", b" ").replace(b"\n", b" ")
    for row in (
        b"[" + as_row(content) + b"]",
        b"[{},\n" + as_row(content) + b",{}]",
        as_row(line),
        b"{}\n" + as_row(line),
    ):
        form, rows, codes = read(row)
        assert form in {"json", "jsonl"}
        assert codes == set()
        assert rows in ([], [(cell(content, row),)])
        assert rows or json.loads(content) in (None, "")


def cell(content: bytes, row: bytes) -> str:
    """What the value that is the whole text is as a cell."""
    if content.strip().startswith((b"[", b"{")):
        return (content if content in row else content.replace(b"\r", b" ").replace(b"\n", b" ")).strip().decode()
    value = json.loads(content, parse_float=str, parse_int=str)
    return {True: "true", False: "false", None: ""}.get(value, value)


@pytest.mark.parametrize("content", texts("test_parsing", "n_"))
def test_what_is_no_json_is_refused_or_fails(content: bytes, read: Read) -> None:
    assert body(content) == {"malformed-json"}
    assert body(b'{"rows": [' + as_row(content) + b"]}") <= {"malformed-json"} != set()
    assert read(content)[2]
    assert read(b"[" + as_row(content) + b"]")[2] == {"json-damaged"}
    assert read(b'{"rows": [' + as_row(content) + b"]}")[2] & {"json-damaged", "missing-columns"}
    form, rows, codes = read(
        b'{"%s": "good"}\n' % NAME.encode() + as_row(content) + b'\n{"%s": "too"}\n' % NAME.encode()
    )
    assert (form, rows) == ("jsonl", [("good",), ("too",)])
    assert codes <= {"json-error", "encoding-error"}
    assert codes


@pytest.mark.parametrize("content", texts("test_parsing", "i_"))
def test_json_that_may_be_taken_or_not_is_survived(content: bytes, read: Read) -> None:
    body(content)
    read(content)
    _, rows, codes = read(b'{"%s": "good"}\n' % NAME.encode() + as_row(content) + b"\n")
    assert rows[0] == ("good",)
    assert (len(rows) == 2) != bool(codes & BROKEN)
    _, rows, codes = read(b'[{"%s": "good"},' % NAME.encode() + as_row(content) + b"]")
    assert not rows or (len(rows) == 2) != bool(codes & BROKEN)


@pytest.mark.parametrize("path", sorted((SUITE / "test_transform").glob("number_*.json")), ids=lambda path: path.stem)
def test_a_number_is_not_changed(path: Path, read: Read) -> None:
    number = path.read_text().strip().removeprefix("[").removesuffix("]")
    _, ((found,),), codes = read(f'[{{"{NAME}": {number}}}]'.encode())
    assert (Decimal(found), codes) == (Decimal(number), set())
    assert "e" in number.lower() or found == number


@pytest.mark.parametrize("path", sorted((SUITE / "test_transform").glob("string_*.json")), ids=lambda path: path.stem)
def test_a_text_is_not_changed_or_is_refused(path: Path, read: Read) -> None:
    content = path.read_bytes().strip().removeprefix(b"[").removesuffix(b"]")
    _, rows, codes = read(b'[{"n": 1, "%s": ' % NAME.encode() + content + b"}, {}]")
    assert rows == [("1", json.loads(content))] if rows else codes <= BROKEN


def test_names_that_differ_in_their_form_alone_are_two_columns(read: Read) -> None:
    for path in (SUITE / "test_transform").glob("object_key_*.json"):
        members = json.loads(path.read_text())
        assert len(members) == 2
        assert read(b"[" + path.read_bytes() + b"]")[1] == [tuple(members.values())]


def test_a_name_that_comes_twice_is_refused_in_a_row_and_in_a_body(read: Read) -> None:
    for path in (SUITE / "test_transform").glob("object_same_key_*.json"):
        assert read(b"[" + path.read_bytes().strip() + b', {"x": 1}]')[2] == {"json-error"}
        assert body(b'{"rows": [' + path.read_bytes() + b"]}") == {"malformed-json"}


# Strings --------------------------------------------------------------------------------------------------------------


def strings() -> list[str]:
    return json.loads(STRINGS.read_text(encoding="utf-8")) if STRINGS.exists() else []


@pytest.mark.parametrize("writer", [JsonLinesWriter(), CsvWriter()], ids=["jsonl", "csv"])
def test_strings_that_break_programs_come_back_as_they_were_written(
    tmp_path: Path, read: Read, writer: JsonLinesWriter | CsvWriter
) -> None:
    frame = pl.DataFrame({"n": list(range(len(strings()))), "text": strings()})
    columns = [Column("n", pl.Int64()), Column(NAME, pl.String())]
    form, rows, codes = read(b"".join(writer.write(columns, [frame], tmp_path)))
    assert (form, codes) == (writer.name, set())
    assert [text for _, text in rows] == strings()


@pytest.mark.parametrize("escaped", [True, False])
@pytest.mark.parametrize("indent", [None, 1])
def test_strings_that_break_programs_are_read_from_any_json(read: Read, escaped: bool, indent: int | None) -> None:
    every = [{"n": at, NAME: text} for at, text in enumerate(strings())]
    form, rows, codes = read(json.dumps(every, ensure_ascii=escaped, indent=indent).encode())
    assert (form, codes) == ("json", set())
    assert [text for _, text in rows] == strings()
    lines = "\n".join(json.dumps(one, ensure_ascii=escaped) for one in every)
    assert [text for _, text in read(lines.encode())[1]] == strings()


def test_strings_that_break_programs_are_names_of_columns(tmp_path: Path) -> None:
    named = dict.fromkeys(text for text in strings() if text.strip())
    path = tmp_path / "file"
    path.write_text(json.dumps([dict.fromkeys(named, "x")]))
    assert open_file(path, ReadOptions(), READERS, tmp_path).inspection.columns == tuple(named)
