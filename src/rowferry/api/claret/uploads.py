"""Reads the CSV form of Claret: its file whole, since it is small, its arguments as JSON or as PHP sends them, its mapping."""

import csv
import io
import itertools
import re
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import cast

from starlette.requests import Request

from rowferry.api.claret import words
from rowferry.api.claret.bodies import RECORDS_MAX, Arguments, checked, wrong
from rowferry.api.wire import forms
from rowferry.api.wire.bodies import gathered, gathered_bytes, parsed, refuse_over, refuse_unstorable, stream_of
from rowferry.api.wire.transfer import printable
from rowferry.api.wire.uploads import FILE, FORM_BYTES_MORE, UNNAMED
from rowferry.domain.faults import Invalid
from rowferry.domain.mapping import folded
from rowferry.domain.options import ColumnMapping

BYTES_MAX = 10_000_000
"""A size that no body and no file with the most records that are taken can have."""
KNOWN = re.compile(r"source|(?:arguments|field_mapping)(?:\[.+\])?", re.DOTALL)
MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
CELL_CHARACTERS_MAX = 131_072
DELIMITERS = ",;\t|"


@dataclass(slots=True)
class Form:
    """What came of a form: its texts by name, and its file."""

    texts: dict[str, str] = field(default_factory=dict[str, str])
    content: bytes | None = None
    file_name: str = UNNAMED
    media_type: str = "text/csv"

    @property
    def file(self) -> bytes:
        """The file's bytes.

        Raises:
            Invalid: there is none.
        """
        if self.content is None:
            raise wrong(FILE, "is required")
        return self.content

    @property
    def arguments(self) -> Arguments:
        """The arguments, of the JSON text or of single parts.

        Raises:
            Invalid: one is missing, or is neither yes nor no.
            MalformedJson: the text is not JSON.
        """
        given = self._members("arguments")
        if given is None:
            raise wrong("arguments", "is required")
        switched = {name: words.SWITCHES.get(str(value).lower(), value) for name, value in given.items()}
        return checked(Arguments, switched, "arguments")

    def mapping(self, columns: list[str]) -> ColumnMapping | None:
        """Which columns go to which fields; a column that is not mapped goes to the field of its name, if no other does. None: by name.

        A column that is mapped to null or to nothing goes to no field.

        Raises:
            Invalid: a column goes to what is no field, or two to one.
            MalformedJson: the text is not JSON.
        """
        given = self._members("field_mapping")
        if not given:
            return None
        refuse_unstorable(given)
        mapped = {column: None if name == "" else name for column, name in given.items()}
        for column, name in mapped.items():
            if name is not None and name not in words.FIELDS:
                raise wrong(
                    "field_mapping",
                    f"names for {printable(column)} no field: it must be one of {', '.join(words.FIELDS)}",
                )
        taken = Counter(name for name in mapped.values() if name is not None)
        if taken and taken.most_common(1)[0][1] > 1:
            raise wrong("field_mapping", f"names {taken.most_common(1)[0][0]} for more than one column")
        own = {folded(name): name for name in words.FIELDS if name not in taken}
        rest = {column: own[folded(column)] for column in columns if column not in mapped and folded(column) in own}
        return tuple((column, cast("str | None", name)) for column, name in (mapped | rest).items())

    def _members(self, name: str) -> dict[str, object] | None:
        """A JSON object in the part of this name, or the parts `name[member]`, or None.

        Raises:
            Invalid: there are both, of which one would have to be overheard; or the JSON is no object.
        """
        parts = {text[len(name) + 1 : -1]: said for text, said in self.texts.items() if text.startswith(f"{name}[")}
        text = self.texts.get(name)
        if text is not None and parts:
            raise wrong(name, "is there twice: send it as JSON or part by part")
        if text is None or not text.strip():
            return cast("dict[str, object]", parts) or None
        value = parsed(text, f"The field {name}")
        if not isinstance(value, dict):
            raise wrong(name, "must be an object")
        return cast("dict[str, object]", value)


async def form_of(request: Request, limit: int) -> Form:
    """The form that a request brings, with a file of `limit` bytes at most.

    Raises:
        Invalid: the form is not well formed, or has a part that is not known or comes twice.
        TooLarge, UploadIncomplete, TooSlow: as its parts are.
    """
    refuse_over(request, limit, "The upload", FORM_BYTES_MORE)
    form = Form()
    boundary = forms.boundary_of(request.headers.get("content-type", ""))
    if boundary is None:
        raise Invalid(reason="The content type multipart/form-data names no boundary.")
    async with aclosing(stream_of(request)) as stream, aclosing(forms.parts_of(stream, boundary)) as parts:
        async for part in parts:
            if part.name in form.texts or (part.name == FILE and form.content is not None):
                raise wrong(printable(part.name), "is there twice")
            if part.name == FILE:
                form.content = await gathered_bytes(part.data, limit, "The file")
                form.file_name, form.media_type = part.file_name or UNNAMED, part.media_type or form.media_type
            elif KNOWN.fullmatch(part.name):
                form.texts[part.name] = await gathered(
                    part.data, forms.FIELD_BYTES_MAX, f"The field {printable(part.name)}"
                )
            else:
                raise wrong(printable(part.name), "is not known here")
    return form


def columns_of(content: bytes) -> list[str]:
    """The header of a CSV file whose records are within the limit. The job reads the file itself; this looks only for what the form needs.

    Raises:
        Invalid: it has too many records, or is no CSV file.
    """
    text = _text(content)
    first = text.lstrip().partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(DELIMITERS, key=first.count))
    records = (record for record in map(_bounded, reader) if any(cell.strip() for cell in record))
    try:
        columns = next(records, list[str]())
        count = sum(1 for _ in itertools.islice(records, RECORDS_MAX + 1))
    except csv.Error as error:
        raise wrong(FILE, f"must be a CSV file: {error}") from None
    if count > RECORDS_MAX:
        raise wrong(FILE, f"must not have more than {RECORDS_MAX} records")
    return columns


def _bounded(record: list[str]) -> list[str]:
    """The record, refused where a cell is so long that a quote must be missing: the module's own limit is set elsewhere."""
    if any(len(cell) > CELL_CHARACTERS_MAX for cell in record):
        raise csv.Error(f"a cell has more than {CELL_CHARACTERS_MAX} characters")
    return record


def _text(content: bytes) -> str:
    """The content as text, whatever its encoding, which does not matter where records are counted."""
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    if "\0" in text:
        raise wrong(FILE, "must be a CSV file")
    return text
