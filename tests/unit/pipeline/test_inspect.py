"""Which format a file is said to have, and what the job says of it."""

import zipfile
from pathlib import Path

import pytest
from backports import zstd

from packers import ROWS, code_of, gzip_of, opened, tarred, zipped
from rowferry.domain.faults import JobStopped
from rowferry.domain.schema import ReadOptions
from rowferry.formats.csv import CsvFormat
from rowferry.pipeline.inspect import open_file, source
from rowferry.ports import Readers

READERS = Readers((CsvFormat(1 << 20, 100),))


def write(folder: Path, data: bytes) -> Path:
    path = folder / "upload"
    path.write_bytes(data)
    return path


def refusal(path: Path) -> JobStopped:
    with pytest.raises(JobStopped) as raised:
        open_file(path, ReadOptions(), READERS, path.parent)
    return raised.value


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"])
def test_a_file_without_text_is_empty(tmp_path: Path, data: bytes) -> None:
    assert refusal(write(tmp_path, data)).fault.code == "empty-file"


@pytest.mark.parametrize(
    ("data", "code", "word"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not-text", "PNG"),
        (bytes(range(256)) * 8, "not-text", "no text"),
        (b"\x1f\x8b\x08\0\0", "unknown-format", "gzip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, "unknown-format", "workbook"),
        (b"%PDF-1.7 text", "unknown-format", "PDF"),
        (b"\n<html><table><tr><td>a", "unknown-format", "HTML"),
        (b"<?xml version='1.0'?><a/>", "unknown-format", "XML"),
        (b'[{"a": 1}, {"a": 2}]', "unknown-format", "JSON"),
        (b"PAR1\x15\x04\x15\x10\0\0\0\0\0", "unknown-format", "Parquet"),
    ],
)
def test_what_is_no_csv_is_called_by_its_name(tmp_path: Path, data: bytes, code: str, word: str) -> None:
    fault = refusal(write(tmp_path, data)).fault
    assert fault.code == code
    assert word in fault.message
    assert "Send CSV" in fault.message


@pytest.mark.parametrize(
    ("member", "word"), [("xl/workbook.xml", "XLSX"), ("word/document.xml", "Word"), ("a.csv", "ZIP")]
)
def test_what_is_in_an_archive_is_said(tmp_path: Path, member: str, word: str) -> None:
    path = tmp_path / "upload"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, "a,b\n1,2\n")
    assert word in refusal(path).fault.message


def test_html_is_told_how_to_become_a_table(tmp_path: Path) -> None:
    assert "spreadsheet program" in refusal(write(tmp_path, b"<table><tr><td>a</table>")).fault.message


def test_a_tar_archive_is_called_one_and_what_it_may_be_packed_with_is_said(tmp_path: Path) -> None:
    with pytest.raises(JobStopped) as raised:
        opened(tmp_path, gzip_of(tarred({"a.csv": ROWS})))
    message = raised.value.fault.message
    assert message.startswith("The file that is packed with gzip is a TAR archive")
    assert "packed with gzip, zstd, zip" in message


def test_the_file_in_an_archive_is_called_by_its_name(tmp_path: Path) -> None:
    for content, word in ((b"%PDF-1.7", "PDF"), (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "picture"), (b"", "empty")):
        with pytest.raises(JobStopped) as raised:
            opened(tmp_path, zipped({"in/here.csv": content}))
        assert raised.value.fault.message.startswith("The file in/here.csv in the archive is")
        assert word in raised.value.fault.message


def test_what_is_packed_twice_is_said_from_outside_to_inside_and_thrice_is_refused(tmp_path: Path) -> None:
    twice = gzip_of(zipped({"a.csv": ROWS}))
    found = source(opened(tmp_path, twice).inspection)
    assert (found["compression"], found["member"], found["rows"]) == ("gzip+zip", "a.csv", 2)
    assert len(list((tmp_path / "scratch").iterdir())) == 1
    assert code_of(tmp_path, zstd.compress(twice)) == "archive-content"
    assert code_of(tmp_path, gzip_of(gzip_of(ROWS))) == "archive-content"


def test_an_option_for_archives_is_none_for_other_files(tmp_path: Path) -> None:
    assert code_of(tmp_path, ROWS, member="b.csv") == code_of(tmp_path, gzip_of(ROWS), member="b.csv") == ""


def test_the_source_of_a_job_is_what_was_found(tmp_path: Path) -> None:
    path = write(tmp_path, b"Report\r\n\r\nid;name\r\n1;Ana\r\n;\r\n2;Ben\r\n")
    opened = open_file(path, ReadOptions(), READERS, tmp_path)
    assert source(opened.inspection) == {
        "format": "csv",
        "compression": None,
        "member": None,
        "sheet": None,
        "sheets": [],
        "encoding": "utf-8",
        "encoding_guessed": False,
        "delimiter": ";",
        "quote": '"',
        "header_line": 3,
        "columns": ["id", "name"],
        "rows": 2,
        "blank_records": 1,
        "lines_above": 2,
    }
