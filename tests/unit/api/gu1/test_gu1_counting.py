"""Rows are counted as a file comes, however it is cut, and never a line end inside quotes."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.api.gu1.counting import Records, begun, counted, tabular
from rowferry.api.gu1.replies import Fault

CELLS = st.text(alphabet='ab"\n\r,; é', max_size=6)


async def pieces_of(content: bytes, size: int):
    for at in range(0, len(content), size):
        yield content[at : at + size]


async def gathered(pieces) -> bytes:
    return b"".join([piece async for piece in pieces])


@given(
    st.lists(st.lists(CELLS, min_size=2, max_size=3), max_size=8), st.integers(1, 9), st.sampled_from(["\n", "\r\n"])
)
def test_records_are_counted_wherever_the_file_is_cut(rows, size, end):
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    content = text.getvalue().encode()
    records = Records()
    for at in range(0, len(content), size):
        records.feed(content[at : at + size])
    assert records.count == len(rows)


@pytest.mark.parametrize(
    ("content", "count"),
    [
        (b"", 0),
        (b"a", 1),
        (b"a\n", 1),
        (b"a\n\n\nb\n", 2),
        (b"\r\na\r\nb", 2),
        (b'a\n""\n', 2),
        (b'"a\nb"\nc', 2),
        (b'a,"b ""x\n"" y"\nc', 2),
    ],
)
def test_empty_lines_are_no_records(content, count):
    records = Records()
    records.feed(content)
    assert records.count == count


@pytest.mark.anyio
async def test_a_file_within_the_limit_goes_through_unchanged():
    content = b"a,b\n1,2\n3,4\n"
    assert await gathered(counted(pieces_of(content, 3), 2)) == content


@pytest.mark.anyio
async def test_a_file_over_the_limit_is_refused():
    with pytest.raises(Fault) as caught:
        await gathered(counted(pieces_of(b"a,b\n1,2\n3,4\n5,6\n", 5), 2))
    assert (caught.value.status, caught.value.code, caught.value.details) == (400, "TOO_MANY_ITEMS", {"limit": 2})


@pytest.mark.anyio
async def test_a_file_in_utf_16_is_counted_too():
    content = "a,b\n1,2\n3,4\n5,6\n".encode("utf-16")
    assert await gathered(counted(pieces_of(content, 3), 3)) == content
    with pytest.raises(Fault):
        await gathered(counted(pieces_of(content, 3), 2))


@pytest.mark.anyio
async def test_nothing_is_counted_in_a_workbook():
    content = b"PK\x03\x04" + b"\n" * 100
    assert await gathered(counted(pieces_of(content, 2), 1)) == content


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("content", "way"), [(b"\xef\xbb\xbf \n [1]", b"json"), (b"a\n[1]", b"csv"), (b'{"a":1}', b"json"), (b"", b"csv")]
)
async def test_json_is_known_by_its_beginning(content, way):
    async def table(pieces):
        assert await gathered(pieces) == content
        return pieces_of(b"json", 4)

    async def count(_):
        yield b"csv"

    assert await gathered(tabular(pieces_of(content, 2), count, table)) == way


@pytest.mark.anyio
async def test_looking_at_the_beginning_takes_nothing_away():
    head, whole = await begun(pieces_of(b"  abcdef", 1))
    assert head.startswith(b"abc")
    assert await gathered(whole) == b"  abcdef"
