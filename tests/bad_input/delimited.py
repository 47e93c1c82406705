"""Nasty text files with delimiters, and files that only claim to be such."""

from bad_input.nasty import Nasty, reads, stops

CSV = "csv"
HEAD = b"id,label\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 8


def _wide() -> bytes:
    names = [b"id", b"label", *(b"c%d" % at for at in range(100))]
    return b",".join(names) + b"\n" + b",".join([b"1"] * 102) + b"\n"


DELIMITED: list[Nasty] = [
    # nothing, or nothing of a table
    stops("no byte", CSV, b"", "empty-file"),
    stops("a mark of UTF-8 and nothing else", CSV, b"\xef\xbb\xbf", "empty-file"),
    stops("a mark of UTF-16 and nothing else", CSV, b"\xff\xfe", "empty-file"),
    stops("line ends alone", CSV, b"\n\r\n\r\n", "no-header"),
    stops("spaces and delimiters alone", CSV, b" , ,\n,,\n", "no-header"),
    stops("a header in a line that is not there", CSV, HEAD + b"1,a\n", "no-header", header_line=99),
    stops("a page of the web", CSV, b"<!DOCTYPE html><html><body>Sign in</body></html>", "unknown-format", "HTML"),
    stops("a document in XML", CSV, b"<?xml version='1.0'?><rows><row id='1'/></rows>", "unknown-format", "XML"),
    stops("a PDF", CSV, b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "unknown-format", "PDF"),
    stops("a picture", CSV, PNG, "not-text", "picture"),
    stops("a program", CSV, b"\x7fELF\x02\x01\x01" + bytes(500), "not-text", "program"),
    stops("a database", CSV, b"SQLite format 3\0" + bytes(500), "unknown-format", "SQLite"),
    stops("zero bytes alone", CSV, bytes(4096), "not-text"),
    stops("any bytes", CSV, bytes(range(256)) * 16, "not-text"),
    # headers
    stops("a column twice", CSV, b"id,label,label\n1,a,b\n", "duplicate-columns", "label"),
    stops("two columns for one field", CSV, b"id,label,Label\n1,a,b\n", "duplicate-columns", "Label"),
    stops("a column of nobody", CSV, b"id,label,colour\n1,a,red\n", "unknown-columns", "colour"),
    stops("a field without a column", CSV, b"id,price\n1,2\n", "missing-columns", "label"),
    stops("a nameless column with content", CSV, b"id,label,\n1,a,x\n", "unknown-columns", "column_3"),
    stops("more columns than are taken", CSV, _wide, "too-many-columns", "102"),
    stops("a header without end", CSV, b"id,label" + b"x" * 50_000, "record-too-long"),
    stops(
        "a mapping of a column that is not there", CSV, HEAD + b"1,a\n", "invalid-mapping", "no", mapping={"no": "id"}
    ),
    reads("a header and nothing else", CSV, b"id,label", 0),
    reads("a header in quotes with spaces around it", CSV, b'" id ","LABEL"\n1,a\n', 1),
    reads("a mark of UTF-8 twice", CSV, b"\xef\xbb\xbf\xef\xbb\xbfid,label\n1,a\n", 1),
    reads("a delimiter at the end of each line", CSV, b"id,label,\n1,a,\n2,b,\n", 2),
    reads(
        "a first line that names the delimiter",
        CSV,
        b"sep=;\r\nid;label\r\n1;a,b\r\nx;c\r\n",
        2,
        (2, 4, "id", "type-error"),
        values=("a,b",),
    ),
    reads(
        "titles above the header",
        CSV,
        b"Parts 2024\n\nMade by Ana\nid,label,price\n1,a,1\nx,b,2\n3,c,3\n",
        3,
        (2, 6, "id", "type-error"),
    ),
    # encodings
    stops("an encoding that there is not", CSV, HEAD + b"1,a\n", "unknown-encoding", "klingon", encoding="klingon"),
    stops("an encoding that is another one", CSV, HEAD + b"1,a\n", "encoding-mismatch", encoding="utf-16"),
    reads(
        "bytes that are no UTF-8 where that is stated",
        CSV,
        HEAD + b"1,a\n2,caf\xe9\n3,c\n",
        3,
        (2, 3, None, "encoding-error"),
        encoding="utf-8",
    ),
    reads(
        "Windows-1252 that nobody states", CSV, "id,label\n1,Café ß 5 €\n".encode("cp1252"), 1, values=("Café ß 5 €",)
    ),
    reads(
        "UTF-16 with a mark",
        CSV,
        "id\tlabel\r\n1\ta\u2028b\r\nx\té\r\n".encode("utf-16"),
        2,
        (2, 3, "id", "type-error"),
    ),
    reads(
        "UTF-16 the other way round without a mark",
        CSV,
        "id,label\n1,é\nx,b\n".encode("utf-16-be"),
        2,
        (2, 3, "id", "type-error"),
    ),
    reads("a character beyond the first 65,536", CSV, "id,label\n1,😀\n".encode(), 1, values=("😀",)),
    # records
    reads(
        "rows that are too short and too long",
        CSV,
        b"id,label\n1,a\n2\n3,c,d\n4,e\n",
        4,
        (2, 3, None, "missing-cell"),
        (3, 4, None, "extra-cell"),
    ),
    reads("a quote that never ends", CSV, b'id,label\n1,a\n2,"b\n3,c\n4,d\n', 4, (2, 3, None, "quote-error")),
    reads("text behind a quote", CSV, b'id,label\n1,a\n2,"b"c\n3,d\n', 3, (2, 3, None, "quote-error")),
    reads("a quote in the middle of a cell", CSV, b'id,label\n1,5" nail\n2,b\n', 2, values=('5" nail', "b")),
    reads(
        "line ends in quotes",
        CSV,
        b'id,label\n1,"a\n\r\nb"\nx,c\n"3","""d""\r"\ny,e\n',
        4,
        (2, 5, "id", "type-error"),
        (4, 8, "id", "type-error"),
    ),
    reads(
        "all sorts of line ends",
        CSV,
        b"id,label\r\n1,a\nx,b\r3,c\r\ny,d",
        4,
        (2, 3, "id", "type-error"),
        (4, 5, "id", "type-error"),
    ),
    reads("carriage returns alone", CSV, b"id,label\r1,a\rx,b\r", 2, (2, 3, "id", "type-error")),
    reads("blank records", CSV, b"id,label\n\n1,a\n,\n  \nx,b\n\n\n", 2, (2, 6, "id", "type-error")),
    reads("NUL in a cell", CSV, b"id,label\n1,a\n2,b\0c\n3,d\n", 3, (2, 3, "label", "type-error")),
    reads(
        "one line that is longer than is taken",
        CSV,
        HEAD + b"1,a\n2," + b"x" * 100_000 + b"\n3,c\n",
        3,
        (2, 3, None, "too-long"),
    ),
    reads(
        "a quoted cell that is longer than is taken",
        CSV,
        HEAD + b'1,a\n2,"' + (b"x" * 999 + b"\n") * 30 + b'"\n',
        32,
        (2, 3, None, "quote-error"),
        *((row, row + 1, None, "missing-cell") for row in range(3, 32)),
        (32, 33, None, "quote-error"),
    ),
    reads("200,000 quotes", CSV, HEAD + b"1,a\n2," + b'"' * 200_001 + b"\n3,c\n", 3, (2, 3, None, "too-long")),
    reads("a last byte of DOS", CSV, HEAD + b"1,a\r\n\x1a", 2, (2, 3, None, "missing-cell")),
    reads(
        "formulas",
        CSV,
        b"id,label\n1,\"=cmd|' /C calc'!A0\"\n2,@SUM(A1)\n3,+1\n",
        3,
        values=("=cmd|' /C calc'!A0", "@SUM(A1)", "+1"),
    ),
    reads("a header that comes again", CSV, b"id,label\n1,a\nid,label\n2,b\n", 3, (2, 3, "id", "type-error")),
    reads(
        "a total at the end",
        CSV,
        b"id,label,price\n1,a,1\n2,b,2\nTotal,,3\n",
        3,
        (3, 4, "id", "type-error"),
        (3, 4, "label", "required"),
    ),
    # values
    reads(
        "20 digits", CSV, b"id,label\n12345678901234567890,00012345678901234567890\n", 1, (1, 2, "id", "out-of-range")
    ),
    reads("leading zeros", CSV, b"id,label\n007,0815\n", 1, values=("0815",)),
    reads(
        "numbers that are none",
        CSV,
        "id,label\n1e3,a\n1.0,b\n٣,c\n 4,d\n0x5,e\n--6,f\n".encode(),
        6,
        *((row, row + 1, "id", "type-error") for row in range(1, 7)),
    ),
    reads(
        "numbers that may be two",
        CSV,
        b'id,label,price\n1,a,"1.234"\n2,b,"1,234"\n3,c,1.5\n4,d,"1,5"\n',
        4,
        (1, 2, "price", "number-ambiguous"),
        (2, 3, "price", "number-ambiguous"),
        (4, 5, "price", "type-error"),
    ),
    stops(
        "numbers of which all may be two", CSV, b"id;label;price\n1;a;1.234\n2;b;5,678\n", "number-ambiguous", "price"
    ),
    reads("numbers that another cell explains", CSV, b"id;label;price\n1;a;1.234\n2;b;0,5\n", 2),
    reads(
        "more decimals than there is room for",
        CSV,
        b"id,label,price\n1,a,1.5000\n2,b,1.0005\n3,c,NaN\n4,d,1e2\n",
        4,
        (2, 3, "price", "too-precise"),
        (3, 4, "price", "type-error"),
        (4, 5, "price", "type-error"),
    ),
    reads(
        "dates that may be two",
        CSV,
        b"id,label,day\n1,a,03/04/2025\n2,b,2025-04-03\n3,c,04.04.2025\n",
        3,
        (1, 2, "day", "date-ambiguous"),
        (3, 4, "day", "type-error"),
    ),
    reads(
        "days that never were",
        CSV,
        b"id,label,day\n1,a,2025-02-29\n2,b,2024-02-29\n3,c,0000-01-01\n4,d,2025-13-01\n",
        4,
        (1, 2, "day", "type-error"),
        (3, 4, "day", "type-error"),
        (4, 5, "day", "type-error"),
    ),
    reads(
        "the same key twice",
        CSV,
        b"id,label\n1,a\n01,b\n+1,c\n2,d\n",
        4,
        (2, 3, "id", "primary-key"),
        (3, 4, "id", "primary-key"),
    ),
    reads(
        "a row with all faults at once",
        CSV,
        b"id,label,price,day,active\nx,,1.2345,31.12.2024,maybe\n",
        1,
        (1, 2, "id", "type-error"),
        (1, 2, "label", "required"),
        (1, 2, "price", "too-precise"),
        (1, 2, "day", "type-error"),
        (1, 2, "active", "type-error"),
    ),
    reads(
        "characters that nobody sees",
        CSV,
        "id,label\n1,\u200b\n2,\u00a0\n3\u00a0,c\n\u00a0,\n".encode(),
        4,
        (3, 4, "id", "type-error"),
        (4, 5, "id", "type-error"),
        (4, 5, "label", "required"),
    ),
    # options
    stops("a delimiter of several characters", CSV, HEAD + b"1,a\n", "invalid-params", "delimiter", delimiter="||"),
    stops("a delimiter that is the quote", CSV, HEAD + b"1,a\n", "invalid-params", "delimiter", delimiter='"'),
    stops("the wrong delimiter", CSV, HEAD + b"1,a\n", "unknown-columns", delimiter=";"),
]
