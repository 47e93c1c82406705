"""Reads CSV as the rules say it, character by character and with Python's csv module; slow, and independent of the product.

A delimiter of two characters has a blank as its second: blanks before cells and around quotes are no part of the cells.
"""

import csv
import io
import re
from dataclasses import dataclass

LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


@dataclass
class Record:
    line: int
    raw: bytes
    code: str | None
    cells: list[str]


def state_after(text: str, delimiter: str, quote: str) -> str:
    """`closed`, `open` or `broken`: what lines read from a record's start are."""
    state, mark = "start", delimiter[0]
    blank = delimiter[1:] or None
    for character in text:
        if state == "start":
            starts = (mark, blank, "\r", "\n")
            state = "quoted" if character == quote else "start" if character in starts else "bare"
        elif state == "bare":
            if character in (mark, "\r", "\n"):
                state = "start"
        elif state == "quoted":
            if character == quote:
                state = "quote"
        elif character == quote and state == "quote":
            state = "quoted"
        elif character == blank:
            state = "over"
        elif character in (mark, "\r", "\n"):
            state = "start"
        else:
            return "broken"
    return "open" if state == "quoted" else "closed"


def ended(line: str) -> str:
    return re.sub(r"(?:\r\n|\r|\n)\Z", "", line)


def record_at(lines: list[str], first: int, delimiter: str, quote: str, limit: int) -> tuple[int, str | None, int]:
    """How many lines the record takes, its code, and the line up to which an unclosed cell was followed."""
    if len(lines[first].encode()) > limit:
        return 1, "too-long", first
    text = ""
    for last in range(first, len(lines)):
        text += lines[last]
        state = state_after(text, delimiter, quote)
        if len(text.encode()) > limit:
            # What lies beyond the limit is not looked at.
            state = state_after(text.encode()[:limit].decode(errors="replace"), delimiter, quote)
            return 1, "quote-error", last if state != "broken" else first
        if state == "closed":
            return last - first + 1, None, first
        if state == "broken":
            return 1, "quote-error", first
    return 1, "quote-error", first


def lost_delimiter(text: str, delimiter: str, quote: str) -> bool:
    """A quote with text behind it inside an unquoted cell that no quote ends, and a later unquoted cell that one ends.

    Or one that begins a word of an unquoted cell, and a later one that ends a word of another, where each has a quote too few.
    """
    if not quote:
        return False
    opened, spoken, blanks = False, False, " *" if delimiter[1:] else ""
    for cell in split(text, delimiter, quote):
        if cell.startswith(quote):
            continue
        if quote in cell and cell.endswith(quote):
            if opened:
                return True
        elif spoken and cell.count(quote) % 2 == 1 and re.search(f"[^{quote} \t]{quote}[ \t]", cell):
            return True
        elif re.search(f"[^{quote}{delimiter[1:]}]{blanks}{quote}[^{quote} \t]", cell):
            opened = True
            spoken = spoken or (cell.count(quote) % 2 == 1 and bool(re.search(f"[ \t]{quote}[^{quote} \t]", cell)))
    return False


def split(text: str, delimiter: str, quote: str) -> list[str]:
    """The cells as they stand, quotes and all, without the blanks before them that are no part of them."""
    cells, inside = [""], False
    for character in text:
        if character == delimiter[0] and not inside:
            cells.append("")
            continue
        if character == delimiter[1:] and not cells[-1]:
            continue
        if character == quote and (inside or not cells[-1] or cells[-1].startswith(quote)):
            inside = not inside
        cells[-1] += character
    return cells


def read(data: bytes, delimiter: str, quote: str, limit: int) -> list[Record]:
    lines = LINE.findall(data.decode())
    found: list[Record] = []
    at, followed = 0, 0
    while at < len(lines):
        count, code, last = record_at(lines, at, delimiter, quote, limit)
        if at < followed:
            # A line that an earlier open cell went over may not leave one open itself, and is followed no further.
            if code != "too-long" and count > 1:
                count, code = 1, "quote-error"
        else:
            followed = last
        if code is None and lost_delimiter(ended("".join(lines[at : at + count])), delimiter, quote):
            count, code = 1, "quote-error"
        text = ended("".join(lines[at : at + count]))
        cells = [] if code else values(text, delimiter, quote)
        if code or any(cell.strip(" \t\r\n\v\f") for cell in cells):
            raw = text.encode()[:limit] if code == "too-long" else text.encode()
            found.append(Record(at + 1, raw, code, cells))
        at += count
    return found


def values(text: str, delimiter: str, quote: str) -> list[str]:
    """The cells of a record that is well-formed."""
    if len(delimiter) == 1:
        return next(csv.reader(io.StringIO(text, newline=""), **dialect(delimiter, quote)), [""]) or [""]
    quoted = [bool(quote) and cell.startswith(quote) for cell in split(text, delimiter, quote)]
    return [
        cell.rstrip(" ")[1:-1].replace(quote * 2, quote) if is_quoted else cell
        for cell, is_quoted in zip(split(text, delimiter, quote), quoted, strict=True)
    ]


def dialect(delimiter: str, quote: str) -> dict:
    if not quote:
        return {"delimiter": delimiter, "quoting": csv.QUOTE_NONE}
    return {"delimiter": delimiter, "quotechar": quote, "doublequote": True}
