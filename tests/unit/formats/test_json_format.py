"""JSON files as imports read them: every shape by its content, numbers to the digit, what is broken named by line and column."""

import json
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.domain.faults import JobFault, JobStopped, message
from rowferry.domain.schema import ReadOptions
from rowferry.formats.objects import JsonFormat, JsonLinesFormat
from rowferry.formats.objects.numbers import plain
from rowferry.main import readers
from rowferry.pipeline.inspect import Opened, open_file, source
from rowferry.settings import Settings

READERS = readers(Settings())
ROWS = '[{"a": 1, "b": "x"}, {"a": 2}]'


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Opened]:
    def open_it(text: str | bytes, **options: str) -> Opened:
        path = tmp_path / "file"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return open_file(path, ReadOptions(**options), READERS, tmp_path)

    return open_it


Open = Callable[..., Opened]


def cells(file: Opened) -> list[tuple[str, ...]]:
    return [row for block in file.blocks() for row in block.cells.iter_rows()]


def lines(file: Opened) -> list[int]:
    return [line for block in file.blocks() for line in block.lines.tolist()]


def faults(file: Opened) -> list[tuple[int, str, str]]:
    """The line, the code and the message of each record that cannot be had."""
    return [
        (int(block.lines[fault.position]), fault.code, message(fault.code, fault.arguments))
        for block in file.blocks()
        for fault in block.faults
    ]


def stopped(opened: Open, text: str | bytes, **options: str) -> JobFault:
    with pytest.raises(JobStopped) as stop:
        opened(text, **options)
    assert stop.value.fault.message.endswith(".")
    return stop.value.fault


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (ROWS, "json"),
        (f"\n \t{ROWS}\n", "json"),
        (f'{{"rows": {ROWS}}}', "json"),
        (f'{{"at": {{"n": [1]}}, "data": {ROWS}, "total": 2}}', "json"),
        (json.dumps({"items": json.loads(ROWS)}, indent=2), "json"),
        (json.dumps(json.loads(ROWS), indent=4), "json"),
        ('{\n "a": 1,\n "b": "x"}\n{\n "a": 2\n}', "json"),
        ('{"a": 1, "b": "x"}\n{"a": 2}\n', "jsonl"),
        ('\n\n{"a": 1, "b": "x"}\r\n\r\n{"a": 2}', "jsonl"),
    ],
)
def test_each_shape_of_json_is_recognised_by_its_content(opened: Open, text: str, form: str) -> None:
    file = opened(text)
    assert (file.inspection.format, file.inspection.columns) == (form, ("a", "b"))
    assert cells(file) == [("1", "x"), ("2", "")]
    assert source(file.inspection)["delimiter"] is None
    assert set(file.inspection.reasons) == {"format", "encoding", "columns"}


@pytest.mark.parametrize(
    "text", ["[id],[name]\n1,a\n", "{id};b\n1;2\n", "[x", "a,b\n[1],{2}\n", "[notes\n", '"a","{"\n', "null", "12"]
)
def test_tables_that_begin_with_a_bracket_are_no_json(text: str) -> None:
    assert not any(form(1, 1).recognises(text.encode()) for form in (JsonFormat, JsonLinesFormat))


def test_orders_with_items_one_a_line_are_lines(opened: Open) -> None:
    """A member that is called as a wrapper is makes no wrapper of a line."""
    file = opened('{"id": 1, "items": [{"x": 1}]}\n{"id": 2, "items": []}\n')
    assert cells(file) == [("1", '[{"x": 1}]'), ("2", "[]")]


def test_columns_are_all_names_in_the_order_in_which_they_appear(opened: Open) -> None:
    file = opened('{"b": 1}\n{"a": "x", "b": null}\n{}\n{"c": ""}\n{"c": "y"}\n')
    assert file.inspection.columns == ("b", "a", "c")
    assert cells(file) == [("1", "", ""), ("", "x", ""), ("", "", "y")]
    assert (file.inspection.rows, file.inspection.blank_records, lines(file)) == (3, 2, [1, 2, 5])


def test_values_are_told_by_themselves_and_texts_are_not(opened: Open) -> None:
    file = opened(r'[{"n": 1.10, "t": true, "s": "1.10", "z": null, "e": "", "o": {"x": [1.0, "\u00e9"]}}]')
    (block,) = file.blocks()
    assert block.cells.rows() == [("1.10", "true", "1.10", "", "", r'{"x": [1.0, "\u00e9"]}')]
    assert block.typed is not None
    assert block.typed.rows() == [(True, True, False, False, False, True)]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("-0", "-0"),
        ("1e3", "1000"),
        ("12345678901234567890.50", "12345678901234567890.50"),
        ("1.5E-7", "0.00000015"),
        ("1e400", "1" + "0" * 400),
        ("0e99999", "0"),
    ],
)
def test_numbers_keep_their_digits(opened: Open, number: str, text: str) -> None:
    assert cells(opened(f'[{{"n": {number}}}]')) == [(text,)]


def test_a_number_with_an_absurd_exponent_says_nothing_by_itself(opened: Open) -> None:
    (block,) = opened('[{"n": 1e999999999, "m": -2E-99999}]').blocks()
    assert block.cells.rows() == [("1e999999999", "-2E-99999")]
    assert block.typed is not None
    assert block.typed.rows() == [(False, False)]


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][-+]?[0-9]{1,2})?", fullmatch=True))
def test_plain_digits_are_the_same_number(number: str) -> None:
    made = plain(number)
    assert made is not None
    assert not set("eE+") & set(made)
    assert Decimal(made) == Decimal(number)


def test_escapes_and_all_of_unicode_are_read(opened: Open) -> None:
    text = '\u00e9\U0001d11e\n"\\/\u2028'
    file = opened(f'[{{"a": {json.dumps(text)}, "b": {json.dumps(text, ensure_ascii=False)}}}, {{"a": "plain"}}]')
    assert cells(file) == [(text, text), ("plain", "")]


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("text", ['[{"a": "é€\U0001d11e"},\n {"b": 2}]', '{"a": "é€\U0001d11e"}\n{"b": 2}\n'])
def test_json_in_other_unicode_encodings_is_read(opened: Open, codec: str, text: str) -> None:
    file = opened(text.encode(codec))
    assert (cells(file), lines(file)) == ([("é€\U0001d11e", ""), ("", "2")], [1, 2])
    assert file.inspection.encoding == {"utf-8-sig": "utf-8"}.get(codec, codec)


def test_an_encoding_that_is_stated_is_used(opened: Open) -> None:
    latin = '[{"a": "é"}, {"a": "x"}]'.encode("latin-1")
    assert faults(opened(latin)) == [
        (
            1,
            "encoding-error",
            "The row holds bytes that are no text in utf-8. Save the file in that encoding, or state its own.",
        )
    ]
    assert cells(opened(latin, encoding="latin-1")) == [("é",), ("x",)]
    assert stopped(opened, ROWS, encoding="klingon").code == "unknown-encoding"
    assert stopped(opened, ROWS.encode("utf-16"), encoding="utf-8").code == "encoding-mismatch"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a": 1, "a": 1}', "the name a comes twice"),
        (rb'{"a": 1, "\u0061": null}', "the name a comes twice"),
        (b'{"a": 1', "a comma or a closing bracket is expected at character 8"),
        (b'{"a": "x}', "a text begins that never ends at character 7"),
        ('{"é": 01}'.encode(), "a comma or a closing bracket is expected at character 8"),
        (b'{"a": NaN}', "NaN is no value of JSON at character 7"),
        (b"{'a': 1}", "a name in double quotes is expected at character 2"),
        (b'{"a": 1,}', "nothing follows the comma at character 9"),
        (b'{"a": 1} {"a": 2}', "there is more behind the end of the object at character 10"),
        (b"[1, 2]", "an array stands where an object is expected at character 1"),
        (b"7", "a number stands where an object is expected at character 1"),
        (rb'{"a": "\ud800"}', "a text holds half a surrogate pair"),
        (b'{"a": ' + b"[" * 65 + b"]" * 65 + b"}", "it is nested more than 64 deep"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "it is nested more than 64 deep"),
        (b'{"a": "\t"}', "a text holds a line end or another control character at character 8"),
        (rb'{"a": "\x"}', "a backslash stands before what it cannot stand before at character 8"),
    ],
)
def test_a_line_that_is_no_object_fails_alone(opened: Open, line: bytes, reason: str) -> None:
    file = opened(b'{"a": "before"}\n' + line + b'\n{"a": "after"}\n')
    assert cells(file) == [("before",), ("after",)]
    ((at, code, told),) = faults(file)
    assert (at, code) == (2, "json-error")
    assert told == f"The record is no JSON object that can be read: {reason}. Mend it in the program that wrote it."
    (block,) = file.blocks()
    assert block.raw(1) == line


@pytest.mark.parametrize(
    "element", ['{"a": 1, "a": 2}', "7", '["x"]', '{"a": "\\udfff"}', '{"a":' + "[" * 5_000 + "]" * 5_000 + "}"]
)
def test_an_element_that_is_no_object_fails_alone(opened: Open, element: str) -> None:
    file = opened(f'[{{"a": "before"}},\n{element},\n{{"a": "after"}}]')
    assert cells(file) == [("before",), ("after",)]
    assert [fault[:2] for fault in faults(file)] == [(2, "json-error")]


def test_a_record_at_fault_goes_into_the_error_file_with_what_can_be_had(opened: Open) -> None:
    (block,) = opened('{"a": "x", "b": 1}\n{"a": "é", "b": 1, "b": 2e1}\n{"a": }\n').blocks()
    assert block.cut(1) == ["é", "20"]
    assert block.cut(2) == ['{"a": }', ""]


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ('[{"a": 1}', 1, 10, "the file ends here"),
        ('[{"a": 1},\n {"é": 2 "b"}]', 2, 10, "a comma or a closing bracket is expected"),
        ('[{"a": 1},\r\n\r\n {"a": 2},]', 3, 11, "a value is expected"),
        ('[{"a": 1}\n{"a": 2}]', 2, 1, "a comma or a closing bracket is expected"),
        ('[{"a": 1}]\n\n  x', 3, 3, "there is more behind the end"),
        ('[{"a": 1}][]', 1, 11, "there is more behind the end"),
        ("[" * 100_000, 1, 100_001, "the file ends here"),
        ('{"rows": [{"a": 1}]', 1, 20, "a comma or a closing bracket is expected"),
        ('{"rows": [{"a": 1}],\n "b": tru}', 2, 7, "a value is expected"),
        ('{"rows": [{"a": 1}], "rows": []}', 1, 20, "a name twice"),
        ('{\n"a": 1\n}\n{\n"a" 2}', 5, 5, "a colon is expected"),
        ('[{"a": NaN}]', 1, 2, "NaN is no value"),
        ('[{"a": "x\n"}]', 1, 10, "control character"),
    ],
)
def test_a_broken_text_stops_the_job_and_names_the_place(
    opened: Open, text: str, line: int, column: int, reason: str
) -> None:
    for marked in (text, "\ufeff" + text):
        fault = stopped(opened, marked)
        assert fault.code == "json-damaged"
        assert fault.message.startswith(f"The JSON is damaged in line {line}, column {column}: ")
        assert reason in fault.message
        assert fault.details == {"line": line, "column": column}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[]", "empty-file"),
        ('{"rows": []}', "empty-file"),
        ("[1, 2]", "json-shape"),
        ('[["a", "b"], [1, 2]]', "json-shape"),
        ("[{}, {}]", "no-header"),
        ("{}", "no-header"),
        (r'[{"a\u0000": 1}]', "json-shape"),
        ("{" + ", ".join(f'"{n}": {n}' for n in range(2_001)) + "}", "too-many-columns"),
    ],
)
def test_json_without_a_table_is_refused(opened: Open, text: str, code: str) -> None:
    assert stopped(opened, text).code == code


def test_objects_without_any_content_are_no_rows(opened: Open) -> None:
    file = opened('[{"a": null}, {"a": ""}, {}]')
    assert (file.inspection.columns, file.inspection.rows, file.inspection.blank_records) == (("a",), 0, 3)
    assert cells(file) == []


def test_a_member_without_a_name_is_called_by_its_place(opened: Open) -> None:
    file = opened('[{"a": 1, "": 2}, {"": 3}]')
    assert file.inspection.columns == ("a", "column_2")
    assert cells(file) == [("1", "2"), ("", "3")]
    assert opened('[{"": null, "a": 1}]').inspection.columns == ("", "a")


MANY = """
import json, sys
from pathlib import Path
from rowferry.domain.schema import ReadOptions
from rowferry.main import readers
from rowferry.pipeline.inspect import open_file
from rowferry.settings import Settings

folder, peaks = Path(sys.argv[1]), []
for count in (60_000, 600_000):
    path = folder / "rows"
    with path.open("w") as file:
        file.write("[")
        file.writelines(f'{{"id":{at},"name":"one {at}","tags":[{{"x":1}}]}},' for at in range(count))
        file.write("{}]")
    opened = open_file(path, ReadOptions(), readers(Settings()), folder)
    assert sum(block.rows for block in opened.blocks()) == count
    peaks.append(int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) // 1024)
print(json.dumps(peaks))
"""


def test_an_array_in_one_line_is_read_in_flat_memory(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", MANY, str(tmp_path)], capture_output=True, text=True, timeout=200, check=True
    )
    small, large = json.loads(told.stdout)
    assert large < small + 40
    assert large < 400
