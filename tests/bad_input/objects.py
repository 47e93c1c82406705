"""Nasty JSON: arrays, objects around an array, and an object a line."""

import json

from bad_input.nasty import Nasty, reads, stops

ONE = b'{"id": 1, "label": "a"}'
DEEP = b'{"id": 1, "label": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def _long(length: int) -> bytes:
    return b'{"id": 2, "label": "' + b"x" * length + b'"}'


def _many_names() -> bytes:
    return json.dumps([{"id": 1, "label": "a"}, {f"c{at}": 1 for at in range(100)}]).encode()


ARRAYS: list[Nasty] = [
    # not read as a whole
    stops("an empty array", "json", b" [ ] ", "empty-file"),
    stops("a mark of UTF-8 before an empty array", "json", b"\xef\xbb\xbf[]", "empty-file"),
    stops("an object without a member", "json", b"{}", "no-header"),
    stops("objects without a member", "json", b"[{}, {}]", "no-header"),
    stops("numbers in an array", "json", b"[1, 2, 3]", "json-shape"),
    stops("arrays in an array", "json", b'[["id", "label"], [1, "a"]]', "json-shape"),
    stops("an array that is cut off", "json", b"[" + ONE + b', {"id": 2, "la', "json-damaged", "line 1"),
    stops("a comma too much", "json", b"[" + ONE + b",\n]", "json-damaged", "line 2"),
    stops("no comma between two objects", "json", b"[" + ONE + b"\n" + ONE + b"]", "json-damaged", "line 2"),
    stops("a comment", "json", b"[" + ONE + b", // and so on\n" + ONE + b"]", "json-damaged"),
    stops("quotes of Python", "json", b"[" + ONE + b", {'id': 2}]", "json-damaged"),
    stops("more behind the array", "json", b"[" + ONE + b"] [" + ONE + b"]", "json-damaged"),
    stops("a name of nobody", "json", b'[{"id": 1, "label": "a", "colour": "red"}]', "unknown-columns", "colour"),
    stops("a field without a member", "json", b'[{"id": 1}]', "missing-columns", "label"),
    stops(
        "two members for one field", "json", b'[{"id": 1, "label": "a", "Label": "b"}]', "duplicate-columns", "label"
    ),
    stops("more names than are taken", "json", _many_names, "too-many-columns"),
    stops("100,000 brackets", "json", b"[" * 100_000, "json-damaged"),
    stops("NUL in a name", "json", b'[{"id": 1, "label": "a", "x\\u0000": 1}]', "json-shape", "nul"),
    # read
    reads(
        "an object around an array",
        "json",
        b'{"total": 2, "rows": [' + ONE + b', {"id": "x", "label": "b"}]}',
        2,
        (2, 1, "id", "type-error"),
    ),
    reads("one object over several lines", "json", b'{\n"id": 1,\n"label": "a"\n}', 1),
    reads(
        "an array in one line",
        "json",
        b'[{"id": 1, "label": "a"}, {"id": "x", "label": "b"}]',
        2,
        (2, 1, "id", "type-error"),
    ),
    reads(
        "objects over several lines",
        "json",
        b'[\n {"id": 1,\n  "label": "a"},\n\n {"id": null,\n  "label": ""}\n, {"id": 3}]',
        2,
        (2, 7, "label", "required"),
    ),
    reads("UTF-16 with a mark", "json", '[{"id": 1, "label": "é😀"}]'.encode("utf-16"), 1, values=("é😀",)),
    reads(
        "a member twice",
        "json",
        b'[{"id": 1, "label": "a", "label": "b"}, {"id": 2, "label": "c"}]',
        2,
        (1, 1, None, "json-error"),
    ),
    reads(
        "a value that is no object",
        "json",
        b"[" + ONE + b', 7, {"id": 3, "label": "c"}]',
        3,
        (2, 1, None, "json-error"),
    ),
    reads(
        "half of a character",
        "json",
        b'[{"id": 1, "label": "\\ud83d"}, {"id": 2, "label": "\\ud83d\\ude00"}]',
        2,
        (1, 1, None, "json-error"),
        values=("😀",),
    ),
    reads(
        "bytes that are no UTF-8",
        "json",
        b'[{"id": 1, "label": "a"}, {"id": 2, "label": "caf\xe9"}]',
        2,
        (2, 1, None, "encoding-error"),
    ),
    reads("NUL in a text", "json", b'[{"id": 1, "label": "a\\u0000b"}]', 1, (1, 1, "label", "type-error")),
    reads(
        "an object that is longer than is taken",
        "json",
        b"[" + ONE + b"," + _long(50_000) + b', {"id": 3, "label": "c"}]',
        3,
        (2, 1, None, "too-long"),
    ),
    reads(
        "an object that is deeper than is taken",
        "json",
        b"[" + DEEP.replace(b"1", b"2") + b"," + ONE + b"]",
        2,
        (1, 1, None, "too-long"),
    ),
    reads(
        "20 digits",
        "json",
        b'[{"id": 12345678901234567890, "label": 12345678901234567890123}]',
        1,
        (1, 1, "id", "out-of-range"),
    ),
    reads(
        "numbers as texts and texts as numbers",
        "json",
        b'[{"id": "1", "label": 1.10}, {"id": 2.0, "label": true}]',
        2,
        values=("1.10", "true"),
    ),
    reads(
        "exponents",
        "json",
        b'[{"id": 1e2, "label": 1E-2, "price": 1.5e1}, {"id": 2, "label": "b", "price": 1e999999}]',
        2,
        (2, 1, "price", "type-error"),
        values=("0.01",),
    ),
    reads(
        "numbers that a text would leave open",
        "json",
        b'[{"id": 1, "label": "a", "price": 1.234}, {"id": 2, "label": "b", "price": "1.234"}]',
        2,
        (2, 1, "price", "number-ambiguous"),
    ),
    reads(
        "truth in a number",
        "json",
        b'[{"id": true, "label": "a"}, {"id": 1, "label": "b", "active": 1}]',
        2,
        (1, 1, "id", "type-error"),
    ),
    reads(
        "an object in an object",
        "json",
        b'[{"id": {"a": 1}, "label": {"a": [1.0, null]}}]',
        1,
        (1, 1, "id", "type-error"),
    ),
    reads(
        "the same key twice",
        "json",
        b'[{"id": 1, "label": "a"}, {"id": 1.0, "label": "b"}]',
        2,
        (2, 1, "id", "primary-key"),
    ),
]

LINES: list[Nasty] = [
    reads(
        "a line that is cut off",
        "jsonl",
        ONE + b'\n{"id": 2, "lab\n{"id": 3, "label": "c"}\n',
        3,
        (2, 2, None, "json-error"),
    ),
    reads("a last line that is cut off", "jsonl", ONE + b'\n{"id": 2, "label": "b', 2, (2, 2, None, "json-error")),
    reads(
        "a line that is no JSON",
        "jsonl",
        ONE + b"\nid,label\n" + b'{"id": 3, "label": "c"}',
        3,
        (2, 2, None, "json-error"),
    ),
    reads(
        "blank lines and line ends of Windows",
        "jsonl",
        b"\r\n" + ONE + b'\r\n\r\n{}\r\n{"id": "x", "label": "b"}\r\n\r\n',
        2,
        (2, 5, "id", "type-error"),
    ),
    reads(
        "a mark of UTF-8",
        "jsonl",
        b"\xef\xbb\xbf" + ONE + b'\n{"id": "x", "label": "b"}\n',
        2,
        (2, 2, "id", "type-error"),
    ),
    reads(
        "NaN and Infinity",
        "jsonl",
        ONE + b'\n{"id": 2, "label": "b", "price": NaN}\n{"id": 3, "label": "c", "price": Infinity}\n',
        3,
        (2, 2, None, "json-error"),
        (3, 3, None, "json-error"),
    ),
    reads(
        "members that come and go",
        "jsonl",
        ONE + b'\n{"label": "b", "id": 2, "price": 1}\n{"id": 3}\n',
        3,
        (3, 3, "label", "required"),
    ),
    reads(
        "a line that is longer than is taken",
        "jsonl",
        ONE + b"\n" + _long(50_000) + b'\n{"id": 3, "label": "c"}\n',
        3,
        (2, 2, None, "too-long"),
    ),
    reads(
        "a line that is deeper than is taken",
        "jsonl",
        ONE + b"\n" + b'{"id": 2, "label": ' + b"[" * 9_000 + b"]" * 9_000 + b"}\n",
        2,
        (2, 2, None, "json-error"),
    ),
    stops("lines of nothing but words", "jsonl", b'{"id": 1\n{"id": 2\n', "json-shape"),
]
