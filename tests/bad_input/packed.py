"""Packed files that are wrong in their packing, each with the code that it must give; "" where it is only odd and must be read."""

import gzip
import zipfile
from collections.abc import Callable, Mapping
from typing import NamedTuple

from backports import zstd

from packers import (
    CHECK_SUM,
    FILE_BYTES,
    METHOD,
    OFFSET,
    PACKED_BYTES,
    ROWS,
    gzip_of,
    linked,
    protected,
    skipped,
    streamed,
    tarred,
    told,
    wide_frame,
    zipped,
)


class Packed(NamedTuple):
    """A packed file. Those that are read hold the two rows of `ROWS`."""

    name: str
    build: Callable[[], bytes]
    options: Mapping[str, str]
    code: str


def _case(name: str, build: Callable[[], bytes], code: str, **options: str) -> Packed:
    return Packed(name, build, options, code)


def _bomb_of_gzip() -> bytes:
    return gzip.compress(b"id,name\n1," + b"0" * 80_000_000)


def _bomb_in_a_bomb() -> bytes:
    return gzip_of(zstd.compress(b"id,name\n" + b"1,a\n" * 20_000_000, 19))


def _archive_with_a_lying_list() -> bytes:
    """The list says that the file has 20 bytes; 100 MB come out."""
    return told(zipped({"a.csv": ROWS + b"0" * 100_000_000}), FILE_BYTES, len(ROWS))


def _many_files() -> bytes:
    return zipped({f"{number}.csv": ROWS for number in range(1_001)})


def _quine() -> bytes:
    """Packed three times over with the same."""
    return gzip_of(gzip_of(gzip_of(ROWS)))


TWO = {"a.csv": ROWS, "b.csv": ROWS}
PACKED = [
    # read, however odd
    _case("gzip of several members", lambda: gzip_of(ROWS[:9], b"", ROWS[9:]), ""),
    _case("gzip with zero bytes behind it", lambda: gzip_of(ROWS) + bytes(1_000), ""),
    _case("zstd of several frames", lambda: zstd.compress(ROWS[:9]) + zstd.compress(ROWS[9:]), ""),
    _case("zstd with frames to skip", lambda: skipped(b"x" * 9) + zstd.compress(ROWS) + skipped(b""), ""),
    _case("zip with a stored file", lambda: zipped({"a.csv": ROWS}, zipfile.ZIP_STORED), ""),
    _case("zip with sizes behind the file", lambda: streamed("a.csv", ROWS), ""),
    _case("zip with a long comment", lambda: zipped({"a.csv": ROWS}, comment=b"PK" * 30_000), ""),
    _case(
        "zip with what systems leave",
        lambda: zipped({"__MACOSX/._a.csv": b"\0", ".DS_Store": b"\0", "a.csv": ROWS}),
        "",
    ),
    _case(
        "zip with a picture beside the rows",
        lambda: zipped({"a.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a.csv": ROWS}),
        "",
    ),
    _case("zip with a path that climbs", lambda: zipped({"../../../../tmp/evil.csv": ROWS}), ""),
    _case("zip with a chosen file", lambda: zipped(TWO), "", member="b.csv"),
    _case(
        "zip with a file chosen without its folder",
        lambda: zipped({"x/a.csv": b"", "y/B.csv": ROWS}),
        "",
        member="b.csv",
    ),
    _case("gzip in zip", lambda: zipped({"a.csv.gz": gzip_of(ROWS)}), ""),
    _case("zip in gzip", lambda: gzip_of(zipped({"a.csv": ROWS})), ""),
    # what is in it
    _case("zip with nothing in it", lambda: zipped({}), "archive-content"),
    _case("zip with folders alone", lambda: zipped({"a/": b"", "a/b/": b""}), "archive-content"),
    _case("zip with a link to a file of the server", lambda: linked("a.csv", "/etc/passwd"), "archive-content"),
    _case("zip with two files", lambda: zipped(TWO), "archive-content"),
    _case("zip without the chosen file", lambda: zipped(TWO), "archive-content", member="c.csv"),
    _case(
        "zip with a choice of two",
        lambda: zipped({"x/a.csv": ROWS, "y/a.csv": ROWS}),
        "archive-content",
        member="a.csv",
    ),
    _case("zip with 1,001 files", _many_files, "archive-content"),
    _case("zip by a method of Windows", lambda: told(zipped({"a.csv": ROWS}), METHOD, 9, "H"), "archive-content"),
    _case("zip in zip", lambda: zipped({"b.zip": zipped({"a.csv": ROWS})}), "archive-content"),
    _case("three times packed with gzip", _quine, "archive-content"),
    _case("zip with a password", lambda: protected({"a.csv": ROWS}), "archive-password"),
    _case("gzip of nothing", lambda: gzip_of(b""), "empty-file"),
    _case("zstd of a mark alone", lambda: zstd.compress(b"\xef\xbb\xbf"), "empty-file"),
    _case("zip of nothing", lambda: zipped({"a.csv": b""}), "empty-file"),
    _case("gzip of a TAR archive", lambda: gzip_of(tarred({"a.csv": ROWS})), "unknown-format"),
    _case("gzip of a picture", lambda: gzip_of(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(99)), "not-text"),
    # damage
    _case("gzip without its last bytes", lambda: gzip_of(ROWS)[:-3], "archive-damaged"),
    _case("gzip of a second member that is cut", lambda: gzip_of(ROWS, ROWS)[:-9], "archive-damaged"),
    _case("gzip with something behind it", lambda: gzip_of(ROWS) + b"3,Cid\n", "archive-damaged"),
    _case("gzip of its head alone", lambda: gzip_of(ROWS)[:10], "archive-damaged"),
    _case("gzip with a wrong check sum", lambda: gzip_of(ROWS)[:-8] + bytes(4) + gzip_of(ROWS)[-4:], "archive-damaged"),
    _case("zstd that is cut", lambda: zstd.compress(ROWS)[:-2], "archive-damaged"),
    _case(
        "zstd that is cut in a frame to skip", lambda: zstd.compress(ROWS) + skipped(b"x" * 99)[:-1], "archive-damaged"
    ),
    _case("zip without its list", lambda: zipped({"a.csv": ROWS})[:-40], "archive-damaged"),
    _case("zip without its beginning", lambda: zipped({"a.csv": ROWS * 9})[:60], "archive-damaged"),
    _case("zip with a wrong check sum", lambda: told(zipped({"a.csv": ROWS}), CHECK_SUM, 1), "archive-damaged"),
    _case("zip with a wrong size", lambda: told(zipped({"a.csv": ROWS}), FILE_BYTES, 1), "archive-damaged"),
    _case("zip with a wrong place", lambda: told(zipped({"a.csv": ROWS}), OFFSET, 7), "archive-damaged"),
    _case("zip with a place behind its end", lambda: told(zipped({"a.csv": ROWS}), OFFSET, 9_999), "archive-damaged"),
    _case("zip with too few packed bytes", lambda: told(zipped({"a.csv": ROWS}), PACKED_BYTES, 3), "archive-damaged"),
    # bombs
    _case("bomb of gzip", _bomb_of_gzip, "archive-too-large"),
    _case("bomb of zip", lambda: zipped({"a.csv": b"id,name\n1," + b"0" * 80_000_000}), "archive-too-large"),
    _case("bomb in a bomb", _bomb_in_a_bomb, "archive-too-large"),
    _case("zip that lies about its size", _archive_with_a_lying_list, "archive-too-large"),
    _case("zstd that asks for 2 GB of memory", wide_frame, "archive-too-large"),
]
