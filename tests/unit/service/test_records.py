"""Rows that come as JSON become a file that says the same: JSON of the very same texts, or CSV."""

import csv
import io
import json

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from rowferry.domain.faults import Invalid, MalformedJson
from rowferry.service.records import cells_of_object, scan


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(scan(text, 100).csv()).decode(), newline="")))


def test_the_header_is_the_union_of_keys_in_their_order() -> None:
    assert cells('{"rows": [{"b": "1"}, {"a": "2", "b": "3"}, {}]}') == [["b", "a"], ["1", ""], ["3", "2"], ["", ""]]


def test_numbers_keep_their_exact_text() -> None:
    text = '{"rows": [{"n": 1.10, "big": 123456789012345678901234567890, "e": 1E400, "zero": -0}]}'
    assert cells(text)[1] == ["1.10", "123456789012345678901234567890", "1E400", "-0"]


def test_booleans_null_and_nested_values_become_text() -> None:
    text = '{"rows": [{"t": true, "f": false, "n": null, "o": {"a": [1.0, "é", null]}, "l": []}]}'
    assert cells(text)[1] == ["true", "false", "", '{"a":[1.0,"é",null]}', "[]"]


def test_the_other_members_are_kept_as_values() -> None:
    sent = scan('{"kind": "customers", "rows": [{"a": 1}], "options": {"max_errors": 5}}', 100)
    assert sent.members == {"kind": "customers", "options": {"max_errors": 5}}
    assert sent.count == 1


def test_rows_deep_in_a_body_are_read_as_exactly() -> None:
    text = '{"type": "import", "params": {"kind": "a", "rows": [{"n": 1.10}, {"m": "x"}], "options": {}}, "rows": [1]}'
    sent = scan(text, 100, ("params", "rows"))
    assert sent.members == {"type": "import", "params": {"kind": "a", "options": {}}, "rows": [1]}
    assert list(csv.reader(io.StringIO(b"".join(sent.csv()).decode()))) == [["n", "m"], ["1.10", ""], ["", "x"]]
    with pytest.raises(Invalid) as refused:
        scan('{"params": {"rows": [{"a": 1}, 5]}}', 100, ("params", "rows"))
    assert [error.pointer for error in refused.value.errors] == ["/params/rows/1"]


@pytest.mark.parametrize("text", ['{"params": 5}', '{"params": {"rows": 5}}', '{"params": {}}', "{}"])
def test_a_body_without_rows_where_they_are_looked_for_has_none(text: str) -> None:
    sent = scan(text, 100, ("params", "rows"))
    assert (sent.members, sent.count, sent.begin) == (json.loads(text), 0, -1)


VALUES = st.none() | st.booleans() | st.text(max_size=20)
ROWS = st.lists(st.dictionaries(st.text(min_size=1, max_size=3), VALUES, max_size=4), max_size=5).filter(any)


@settings(phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink])
@given(ROWS)
def test_a_csv_reader_finds_every_value_again(rows: list[dict[str, str | bool | None]]) -> None:
    header, *found = cells(json.dumps({"rows": rows}))
    as_text = {None: "", True: "true", False: "false"}
    expected = [[as_text[v] if not isinstance(v := row.get(name), str) else v for name in header] for row in rows]
    assert [row or [""] for row in found] == expected


@pytest.mark.parametrize(
    "text",
    ["", "[", '{"rows": [{}],}', '{"rows": [{},]}', '{"rows": [{}]} x', '{"rows": [{"a": NaN}]}', '{"rows": [{"a" 1}]}',
     '{"rows": ' + "[" * 100_000, '{"rows": [{"a": ' + "1" * 2_000 + "}]}", '{"rows": [], "rows": []}',
     '{"rows": [{"a": 1, "a": 2}]}', "{5: 1}"],
)  # fmt: skip
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(MalformedJson):
        scan(text, 100)


@pytest.mark.parametrize("text", ["[]", ' "rows" ', "5", "null\n", '[{"rows": []}]'])
def test_json_that_is_no_object_is_refused_for_that_reason(text: str) -> None:
    with pytest.raises(Invalid, match="no object"):
        scan(text, 100)


def test_rows_that_are_no_objects_are_named() -> None:
    with pytest.raises(Invalid) as refused:
        scan('{"rows": [{"a": 1}, 5, "x"]}', 100)
    assert [error.pointer for error in refused.value.errors] == ["/rows/1", "/rows/2"]


def test_too_many_columns_are_refused() -> None:
    with pytest.raises(Invalid, match="100 columns"):
        scan(json.dumps({"rows": [{str(n): n for n in range(101)}]}), 100)


def test_half_a_character_is_refused() -> None:
    with pytest.raises(Invalid, match="surrogate") as refused:
        scan(r'{"rows": [{"a": "\ud834\udd1e"}, {"a": "\ud800"}, {"\uDC00": 1}, {"a": {"b": ["\udfff"]}}]}', 100)
    assert [error.pointer for error in refused.value.errors] == ["/rows/1", "/rows/2", "/rows/3"]


def test_a_large_body_comes_in_pieces() -> None:
    text = json.dumps({"rows": [{"a": "x" * 1_000}] * 1_000})
    assert len(list(scan(text, 100).csv())) > 2
    pieces = list(scan(text, 100).json())
    assert len(pieces) > 2
    assert json.loads(b"".join(pieces)) == json.loads(text)["rows"]


def test_as_json_each_row_is_the_text_that_came_in_the_line_of_its_place() -> None:
    text = '{"rows": [ {"a": 1.10,\n "b": [1E400,\r\n{}]} ,{}\n, {"c": "\\n é\\u00e9"}], "x": 1}'
    lines = b"".join(scan(text, 100).json()).decode().split("\n")
    assert lines == ['[{"a": 1.10,  "b": [1E400,  {}]},', "{},", '{"c": "\\n é\\u00e9"}]', ""]


def test_no_rows_are_an_empty_array() -> None:
    assert b"".join(scan('{"rows": []}', 100).json()) == b"[]\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"b": 1.10, "a": "x", "c": [1.0]}', ["x", "1.10", ""]),
        ("{}", ["", "", ""]),
        ('{"a": 1, "b": "cut o', []),
        ("[1]", []),
        ('{"a": ' + "[" * 5_000, []),
        ('{"a": ' + "[" * 90 + "]" * 90 + "}", []),
    ],
)
def test_the_cells_of_a_row_are_had_from_its_text(text: str, found: list[str]) -> None:
    assert cells_of_object(text, ("a", "b", "z")) == found
