"""Reads XML piece by piece in flat memory, and refuses what no spreadsheet program writes: entities, endless tags."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from xml.parsers import expat

from rowferry.formats.workbook.limits import damaged, too_large

PIECE_BYTES = 1 << 16
DIGITS_MAX = 9
REASON_CHARACTERS = 100
FAULTS = (expat.ExpatError, LookupError, ValueError)
"""What the parser raises; the last two for encodings that it does not know."""
TAG_BYTES_MAX = 4 << 20
"""A tag that is not over after so many bytes never ends."""

Start = Callable[[str, list[str]], None]
"""Takes the name of an element as it is written and its attributes, name and value in turn."""
End = Callable[[str], None]
Text = Callable[[str], None]
Read = Callable[[int], bytes]
"""Reads up to so many bytes; nothing at the end."""


class Markup:
    """A parser of one XML document. Elements and attributes are called as they are written, prefixes included."""

    def __init__(self, start: Start, end: End) -> None:
        parser = expat.ParserCreate()
        parser.ordered_attributes = True
        parser.buffer_text = True
        parser.buffer_size = PIECE_BYTES
        parser.StartElementHandler = start
        parser.EndElementHandler = end
        parser.StartDoctypeDeclHandler = _refuse
        self._parser, self._fed = parser, 0

    def listen(self, text: Text | None) -> None:
        """From now on texts go there; None: nowhere."""
        self._parser.CharacterDataHandler = text

    @property
    def place(self) -> int:
        """Where the tag under way begins, in bytes; the same at both ends of an element that is one tag."""
        return self._parser.CurrentByteIndex

    def feed(self, data: bytes) -> None:
        """Reads on.

        Raises:
            JobStopped: workbook-damaged, workbook-too-large.
        """
        try:
            self._parser.Parse(data, False)  # noqa: FBT003  # the parser's own second parameter: final
        except FAULTS as error:
            raise damaged(f"its XML breaks off or is wrong ({str(error)[:REASON_CHARACTERS]})") from error
        self._fed += len(data)
        if self._fed - self._parser.CurrentByteIndex > TAG_BYTES_MAX:
            raise damaged(f"a tag of its XML is longer than {TAG_BYTES_MAX} bytes")

    def close(self) -> None:
        """The document must be over now."""
        try:
            self._parser.Parse(b"", True)  # noqa: FBT003  # the parser's own second parameter: final
        except FAULTS as error:
            raise damaged(f"its XML breaks off or is wrong ({str(error)[:REASON_CHARACTERS]})") from error


def elements(document: bytes) -> Iterator[tuple[str, dict[str, str]]]:
    """The elements of a small document in their order: name and attributes, both without prefixes."""
    found = list[tuple[str, dict[str, str]]]()

    def start(name: str, attributes: list[str]) -> None:
        names, values = attributes[::2], attributes[1::2]
        found.append((bare(name), {bare(one): value for one, value in zip(names, values, strict=True)}))

    markup = Markup(start, lambda _: None)
    for piece in pieces(document):
        markup.feed(piece)
    markup.close()
    yield from found


def pieces(document: bytes) -> Iterable[bytes]:
    """A document in bounded pieces."""
    return (document[at : at + PIECE_BYTES] for at in range(0, len(document), PIECE_BYTES))


@lru_cache(1 << 10)
def bare(name: str) -> str:
    """A name without its prefix."""
    return name.rpartition(":")[2]


def whole(text: str) -> int:
    """A whole number of a few digits; -1 where the text is none."""
    return int(text) if text.isdecimal() and len(text) <= DIGITS_MAX else -1


def _refuse(*_: object) -> None:
    raise too_large("Its XML declares entities, which no spreadsheet program does. Open it in one and save it anew.")
