"""Forms are read part by part, whatever the pieces in which they come."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.api.wire import forms
from rowferry.domain.faults import Invalid, UploadIncomplete

pytestmark = pytest.mark.anyio

FORM = (
    b'--B\r\nContent-Disposition: form-data; name="kind"\r\n\r\ncustomers\r\n'
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="..\\\\up/a\x00b.csv"\r\nContent-Type: text/csv\r\n\r\n'
    b"a,b\r\n--B1,2\r\n\r\n--B--\r\n"
)


async def pieces_of(body: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(body), size):
        yield body[at : at + size]


async def read(body: bytes, size: int = 7) -> list[tuple[str, str | None, str | None, bytes]]:
    found: list[tuple[str, str | None, str | None, bytes]] = []
    async for part in forms.parts_of(pieces_of(body, size), b"B"):
        data = b"".join([piece async for piece in part.data])
        found.append((part.name, part.file_name, part.media_type, data))
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 1000])
async def test_a_form_reads_the_same_in_pieces_of_any_size(size: int) -> None:
    assert await read(FORM, size) == [
        ("kind", None, None, b"customers"),
        ("file", "a\ufffdb.csv", "text/csv", b"a,b\r\n--B1,2\r\n"),
    ]


async def test_what_a_caller_leaves_of_a_part_is_skipped() -> None:
    names = [part.name async for part in forms.parts_of(pieces_of(FORM, 5), b"B")]
    assert names == ["kind", "file"]


@pytest.mark.parametrize("end", [30, 100, len(FORM) - 20, len(FORM) - 6])
async def test_a_form_that_breaks_off_is_incomplete(end: int) -> None:
    with pytest.raises(UploadIncomplete):
        await read(FORM[:end])


async def test_more_than_twenty_parts_are_refused() -> None:
    part = b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'
    with pytest.raises(Invalid, match="20 parts"):
        await read(part * 21 + b"--B--\r\n")


async def test_more_than_eight_headers_of_a_part_are_refused() -> None:
    headers = b"".join(b"X-%d: 1\r\n" % n for n in range(9))
    with pytest.raises(Invalid):
        await read(b'--B\r\nContent-Disposition: form-data; name="a"\r\n' + headers + b"\r\nx\r\n--B--\r\n")


async def test_a_part_without_a_name_is_refused() -> None:
    with pytest.raises(Invalid, match="no name"):
        await read(b"--B\r\nContent-Type: text/csv\r\n\r\nx\r\n--B--\r\n")


@given(st.binary(max_size=200))
async def test_rubbish_is_refused_and_never_breaks(body: bytes) -> None:
    with pytest.raises((Invalid, UploadIncomplete)):
        await read(body)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("/etc/passwd", "passwd"),
        ("C:\\Users\\ana\\rows.csv", "rows.csv"),
        ("a\u202egnp.csv", "a\ufffdgnp.csv"),
        ("x" * 400, "x" * 255),
        ("año.csv", "año.csv"),
    ],
)
def test_a_file_name_is_text_and_never_a_path(name: str, shown: str) -> None:
    assert forms.cleaned(name) == shown


def test_only_a_form_has_a_boundary() -> None:
    assert forms.boundary_of("multipart/form-data; boundary=xyz") == b"xyz"
    assert forms.boundary_of("multipart/form-data") is None
    assert forms.boundary_of("application/json; boundary=xyz") is None
