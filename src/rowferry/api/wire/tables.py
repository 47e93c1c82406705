"""Tables for download: CSV made as it is read, in which no cell is a formula."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence

from starlette.responses import Response, StreamingResponse

from rowferry.api.wire import transfer

CSV = "text/csv; charset=utf-8"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


async def csv_of(columns: Sequence[str], pages: AsyncIterator[Iterable[Sequence[object]]]) -> AsyncIterator[bytes]:
    """The records of pages as CSV with a header, a piece a page. Source: RFC 4180.

    A text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    piece = io.StringIO(newline="")
    writer = csv.writer(piece)
    writer.writerow(columns)
    async for page in pages:
        writer.writerows([_safe(cell) for cell in record] for record in page)
        yield piece.getvalue().encode()
        piece.seek(0)
        piece.truncate()
    yield piece.getvalue().encode()


def download(content: AsyncIterator[bytes], media_type: str, name: str) -> Response:
    """An answer that is saved as a file of this name."""
    headers = transfer.DOWNLOAD_HEADERS | {"Content-Disposition": transfer.attachment(name)}
    return StreamingResponse(content, 200, headers, media_type)


def _safe(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell
