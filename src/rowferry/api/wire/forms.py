"""Reads multipart/form-data part by part as it comes, never a whole part in memory."""

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from enum import Enum
from unicodedata import category

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, MultipartState, parse_options_header

from rowferry.domain.faults import Invalid, UploadIncomplete

PARTS_MAX = 20
PART_HEADERS_MAX = 8
FIELD_BYTES_MAX = 1_000_000
FILE_NAME_CHARACTERS_MAX = 255
_BIDI = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form: its name, the file name and type that it brings, and its bytes, to be read before the next part."""

    name: str
    file_name: str | None
    media_type: str | None
    data: AsyncIterator[bytes]


def boundary_of(content_type: str) -> bytes | None:
    """The boundary of a multipart/form-data content type, or None when it is another or has none."""
    kind, options = parse_options_header(content_type)
    return options.get(b"boundary") if kind == b"multipart/form-data" else None


async def parts_of(stream: AsyncIterator[bytes], boundary: bytes) -> AsyncGenerator[Part, None]:
    """The parts of a form in their order. What a caller leaves of a part is skipped.

    Raises:
        Invalid: the form is not well formed, or has too many parts or headers.
        UploadIncomplete: the body ends before the form does.
    """
    events = _Events(stream, boundary)
    count = 0
    while (found := await events.next()) is not None:
        if not isinstance(found, dict):
            continue
        count += 1
        if count > PARTS_MAX:
            raise Invalid(reason=f"The form has more than {PARTS_MAX} parts.")
        yield _part(found, events.data())
        await events.leave()


def cleaned(name: str) -> str:
    """A file name as text only, never a path: the last component, with what cannot be seen made visible."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join("\ufffd" if c in _BIDI or category(c) == "Cc" else c for c in last)
    return shown.encode("utf-8", "replace").decode()[:FILE_NAME_CHARACTERS_MAX]


def _part(headers: "Headers", data: AsyncIterator[bytes]) -> Part:
    disposition, options = parse_options_header(headers.get(b"content-disposition"))
    name = options.get(b"name")
    if disposition != b"form-data" or name is None:
        raise Invalid(reason="A part of the form has no name in its Content-Disposition.")
    file_name = options.get(b"filename")
    media_type = headers.get(b"content-type")
    return Part(
        name=name.decode("utf-8", "replace"),
        file_name=None if file_name is None else cleaned(file_name.decode("utf-8", "replace")),
        media_type=None if media_type is None else media_type.decode("latin-1")[:FILE_NAME_CHARACTERS_MAX],
        data=data,
    )


Headers = dict[bytes, bytes]


class _End(Enum):
    PART = "part"


_Event = Headers | bytes | _End
"""What the parser said: the headers of a part that begins, some of its bytes, its end."""


class _Events:
    """What the parser says of a stream, one thing at a time."""

    def __init__(self, stream: AsyncIterator[bytes], boundary: bytes) -> None:
        self._stream = stream
        self._found: deque[_Event] = deque()
        self._open = False
        self._field = self._value = b""
        self._headers: Headers = {}
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._began,
                    "on_header_field": self._field_came,
                    "on_header_value": self._value_came,
                    "on_header_end": self._header_ended,
                    "on_headers_finished": self._headers_ended,
                    "on_part_data": self._data_came,
                    "on_part_end": self._ended,
                },
                max_header_count=PART_HEADERS_MAX,
            )
        except (MultipartParseError, ValueError) as error:
            raise Invalid(reason=f"The form is no multipart/form-data: {error}.") from None

    async def next(self) -> _Event | None:
        """The next thing, or None at the end of the form."""
        while not self._found:
            piece = await anext(self._stream, None)
            if piece is None:
                if self._parser.state != MultipartState.END:
                    raise UploadIncomplete(reason="the form has no closing boundary.")
                return None
            try:
                self._parser.write(piece)
            except MultipartParseError as error:
                raise Invalid(reason=f"The form is no multipart/form-data: {error}.") from None
        found = self._found.popleft()
        if isinstance(found, dict):
            self._open = True
        elif found is _End.PART:
            self._open = False
        return found

    async def data(self) -> AsyncGenerator[bytes, None]:
        """The bytes of the part under way."""
        while self._open:
            found = await self.next()
            if isinstance(found, bytes):
                yield found

    async def leave(self) -> None:
        """Skips what is left of the part under way."""
        while self._open:
            await self.next()

    def _began(self) -> None:
        self._headers = {}

    def _field_came(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _value_came(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ended(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _headers_ended(self) -> None:
        self._found.append(self._headers)

    def _data_came(self, data: bytes, start: int, end: int) -> None:
        self._found.append(data[start:end])

    def _ended(self) -> None:
        self._found.append(_End.PART)
