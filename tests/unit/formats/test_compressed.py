"""Packed files come out whole or not at all, whatever their packer did and whatever they claim."""

import gzip
import io
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from backports import zstd
from hypothesis import example, given
from hypothesis import strategies as st

from bad_input.packed import PACKED, Packed
from packers import ROWS, code_of, gzip_of, opened, readers, skipped, told, zipped
from rowferry.domain.faults import JobStopped
from rowferry.domain.schema import ReadOptions
from rowferry.formats.compressed import Limits

SMALL = Limits(bytes_max=10_000, ratio_max=20, ratio_exempt_bytes=1_000)
CHECKED = {zstd.CompressionParameter.checksum_flag: 1}
"""As the program `zstd` packs, and its library does not unless it is told."""
PARTS = st.lists(
    st.binary(max_size=300) | st.binary(min_size=1, max_size=4).map(lambda piece: piece * 100_000), max_size=5
)


def unpacked(data: bytes, packing: str, limits: Limits | None = None) -> bytes:
    """What comes out of a packed file."""
    (one,) = [one for one in readers(limits).compressions if one.name == packing]
    with TemporaryDirectory() as folder:
        path = Path(folder, "upload")
        path.write_bytes(data)
        assert one.recognises(path, data[: 1 << 16])
        return one.unpack(path, ReadOptions(), Path(folder), len(data)).path.read_bytes()


@pytest.mark.parametrize("case", PACKED, ids=[case.name for case in PACKED])
def test_each_packed_file_gives_its_rows_or_its_code(tmp_path: Path, case: Packed) -> None:
    data = case.build()
    assert code_of(tmp_path, data, **case.options) == case.code
    assert sum(path.stat().st_size for path in (tmp_path / "scratch").iterdir()) < 100_000
    if not case.code:
        (block,) = opened(tmp_path, data, **case.options).blocks()
        assert block.cells.rows() == [("1", "Ana"), ("2", "Ben")]


@given(PARTS)
def test_all_members_of_gzip_come_out(parts: list[bytes]) -> None:
    if parts:
        assert unpacked(gzip_of(*parts) + bytes(len(parts)), "gzip") == b"".join(parts)


@given(PARTS, st.integers(1, 19))
def test_all_frames_of_zstd_come_out(parts: list[bytes], level: int) -> None:
    if parts:
        assert unpacked(b"".join(zstd.compress(part, level) for part in parts), "zstd") == b"".join(parts)


@given(st.binary(max_size=300), st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]))
def test_a_file_in_an_archive_comes_out(content: bytes, method: int) -> None:
    assert unpacked(zipped({"a.csv": content}, method), "zip") == content


def test_an_archive_of_64_bits_is_read(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive, archive.open("a.csv", "w", force_zip64=True) as file:
        file.write(ROWS)
    assert opened(tmp_path, data.getvalue()).inspection.rows == 2


def test_megabytes_come_out_in_pieces_and_whole() -> None:
    content = b"".join(b"%d,%d\n" % (number, number * number) for number in range(300_000))
    assert unpacked(gzip.compress(content), "gzip") == content
    assert unpacked(zstd.compress(content), "zstd") == content
    assert unpacked(zipped({"a.csv": content}), "zip") == content


@given(
    st.sampled_from(
        [gzip_of(ROWS * 2), zstd.compress(ROWS * 2, options=CHECKED), zipped({"a.csv": ROWS * 2, ".b": b""})]
    ),
    st.data(),
)
def test_a_file_that_is_cut_or_changed_anywhere_is_refused_or_whole(data: bytes, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(4, len(data) - 1))
    changed = bytes([data[at] ^ draw.draw(st.integers(1, 255))]) + data[at + 1 :]
    spoilt = data[:at] + (changed if draw.draw(st.booleans()) else b"")
    with TemporaryDirectory() as folder:
        assert outcome(Path(folder), spoilt) in {
            "5 rows",
            "archive-damaged",
            "archive-content",
            "archive-password",
            "archive-too-large",
        }


def outcome(folder: Path, data: bytes) -> str:
    """The number of rows or the code of the fault."""
    return code_of(folder, data) or f"{opened(folder, data).inspection.rows} rows"


@given(st.binary(max_size=400))
@example(b"[Content_Types].xml")  # the mark of an empty archive, and a name as in a workbook
@example(b"mimetype")
def test_no_bytes_behind_the_mark_of_an_archive_break_anything(tail: bytes) -> None:
    for beginning in (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"):
        with TemporaryDirectory() as folder:
            assert code_of(Path(folder), beginning + tail)


# Limits ---------------------------------------------------------------------------------------------------------------


def test_what_is_too_large_says_the_limit_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(JobStopped) as raised:
        opened(tmp_path, gzip.compress(bytes(range(256)) * 40, 0), SMALL)
    assert (raised.value.fault.code, raised.value.fault.details["bytes_max"]) == ("archive-too-large", 10_000)
    assert "10000 bytes" in raised.value.fault.message
    assert list((tmp_path / "scratch").iterdir()) == []


def test_what_is_too_dense_says_the_ratio_and_small_files_may_be_dense(tmp_path: Path) -> None:
    assert code_of(tmp_path, gzip.compress(b"a,b\n" + b"1,2\n" * 200), SMALL) == ""
    with pytest.raises(JobStopped) as raised:
        opened(tmp_path, gzip.compress(b"a,b\n" + b"1,2\n" * 400), SMALL)
    assert (raised.value.fault.code, raised.value.fault.details["ratio_max"]) == ("archive-too-large", 20)
    assert "20 times" in raised.value.fault.message


def test_the_ratio_is_that_of_the_whole_packing_not_of_its_layers(tmp_path: Path) -> None:
    inner = gzip.compress(b"a,b\n" + b"1,2\n" * 20_000) + bytes(5_000)
    assert code_of(tmp_path, inner, Limits(1 << 20, 100, ratio_exempt_bytes=1)) == ""
    assert code_of(tmp_path, zstd.compress(inner), Limits(1 << 20, 100, ratio_exempt_bytes=1)) == "archive-too-large"


def test_the_disk_keeps_the_room_that_it_must_keep(tmp_path: Path) -> None:
    with pytest.raises(JobStopped) as raised:
        opened(tmp_path, gzip_of(ROWS), Limits(1_000, 500, disk_free_min=1 << 60))
    assert (raised.value.fault.code, raised.value.fault.retryable) == ("storage-full", True)


def test_a_file_of_very_many_pieces_is_refused_though_nothing_is_in_them(tmp_path: Path) -> None:
    limits = Limits(1_000, 500, streams_max=100)
    assert code_of(tmp_path, gzip_of(*[b""] * 99, ROWS), limits) == ""
    for pieces in (gzip_of(ROWS, *[b""] * 100), zstd.compress(ROWS) + skipped(b"") * 100):
        assert code_of(tmp_path, pieces, limits) == "archive-too-large"


def test_a_list_of_many_megabytes_is_not_read(tmp_path: Path) -> None:
    archive = zipped({"a" * 60_000 + str(number): b"" for number in range(20)})
    assert code_of(tmp_path, archive) == "archive-content"


def test_a_workbook_is_no_archive_however_many_parts_it_has_or_how_it_is_spoilt(tmp_path: Path) -> None:
    book = {"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>"}
    book |= {f"xl/media/image{number}.png": b"" for number in range(1_200)}
    for data in (
        zipped(book),
        zipped(book)[:-100],
        zipped({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet"}),
    ):
        assert code_of(tmp_path, data) == "unknown-format"


# What is said ---------------------------------------------------------------------------------------------------------


def test_the_files_to_choose_from_are_named(tmp_path: Path) -> None:
    with pytest.raises(JobStopped) as raised:
        opened(tmp_path, zipped({f"{number:02}.csv": ROWS for number in range(25)}))
    assert "option member: 00.csv, 01.csv" in raised.value.fault.message
    assert raised.value.fault.message.endswith("and 5 more.")


def test_a_name_is_shown_without_what_cannot_be_shown_and_chosen_as_it_is_shown(tmp_path: Path) -> None:
    archive = zipped({"a\n\u202ecsv.exe": ROWS, "b\\b.csv": ROWS})
    with pytest.raises(JobStopped) as raised:
        opened(tmp_path, archive)
    assert "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}csv.exe, b/b.csv" in raised.value.fault.message
    assert (
        opened(tmp_path, archive, member="a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}csv.exe").inspection.rows
        == 2
    )
    assert opened(tmp_path, archive, member="b\\b.csv").inspection.member == "b/b.csv"


def test_what_was_found_says_the_packing_the_file_and_why(tmp_path: Path) -> None:
    found = opened(tmp_path, zipped({"x/a.csv.gz": gzip_of(ROWS), "readme.pdf": b"%PDF-1.7"})).inspection
    assert (found.compression, found.member) == ("zip+gzip", "x/a.csv.gz")
    assert found.reasons["member"] == "it is the only file in the archive that can be read"
    assert "zip" in found.reasons["compression"]


def test_a_password_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(JobStopped) as raised:
        opened(tmp_path, told(zipped({"a.csv": ROWS}), 8, 1, "H"))
    assert "password" in raised.value.fault.message
