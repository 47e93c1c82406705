"""Several files become one, whatever each of them looks like."""

from functools import partial
from pathlib import Path

import pytest

from rowferry.domain.faults import EmptyFile, Invalid
from rowferry.main import readers
from rowferry.pipeline.table import open_table
from rowferry.service.joining import Part, csv_of, part
from rowferry.settings import Settings

READER = partial(open_table, readers(Settings()))


def parts(folder: Path, **files: str) -> list[Part]:
    made: list[Part] = []
    for name, content in files.items():
        scratch = folder / f"{name}.d"
        scratch.mkdir()
        (folder / name).write_text(content, encoding="utf-8", newline="")
        made.append(part(name, folder / name, scratch, READER))
    return made


def joined(folder: Path, **files: str) -> str:
    return b"".join(csv_of(iter(parts(folder, **files)))).decode()


def test_columns_are_those_of_all_files_and_rows_follow_in_their_order(tmp_path: Path) -> None:
    one = "id,amount\n1,10\n2,20\n"
    other = "amount;currency;id\n30;EUR;3\n"
    assert joined(tmp_path, one=one, other=other) == "id,amount,currency\r\n1,10,\r\n2,20,\r\n3,30,EUR\r\n"


@pytest.mark.parametrize("wrap", ["{}", '{{"transactions": {}}}', '{{"executeRules": true, "items": {}}}'])
def test_json_keeps_the_text_of_its_numbers(tmp_path: Path, wrap: str) -> None:
    rows = '[{"id": 1, "amount": 1.10}, {"id": 2, "amount": 12345678901234567890.5}]'
    found = joined(tmp_path, sent=wrap.format(rows))
    assert found == "id,amount\r\n1,1.10\r\n2,12345678901234567890.5\r\n"


def test_json_lines_join_with_a_table(tmp_path: Path) -> None:
    lines = '{"id": 1, "tags": ["a", 1.0]}\n{"id": 2, "amount": 3e2}\n'
    found = joined(tmp_path, lines=lines, table="amount,id\n7,3\n")
    assert found == 'id,tags,amount\r\n1,"[""a"", 1.0]",\r\n2,,300\r\n3,,7\r\n'


def test_cells_with_line_ends_and_quotes_survive(tmp_path: Path) -> None:
    assert joined(tmp_path, one='a,b\n"x\ny","say ""hi"""\n') == 'a,b\r\n"x\ny","say ""hi"""\r\n'


def test_a_broken_record_is_refused_with_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"second.*Line 3"):
        joined(tmp_path, first="a,b\n1,2\n", second="a,b\n1,2\n1,2,3\n")


@pytest.mark.parametrize("content", ["%PDF-1.7\n", "[1, 2]", '{"rows": [{"a": }]}', '{"a": 1}\n{"a": }\n', "[]"])
def test_what_is_no_table_is_refused_by_name(tmp_path: Path, content: str) -> None:
    with pytest.raises(Invalid, match="strange"):
        joined(tmp_path, strange=content)


def test_nothing_to_join_is_an_empty_file() -> None:
    with pytest.raises(EmptyFile):
        b"".join(csv_of(iter(())))
