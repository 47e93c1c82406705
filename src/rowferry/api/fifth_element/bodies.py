"""What callers of Fifth Element may send as JSON, checked member by member."""

import json
from typing import Annotated

from pydantic import AfterValidator, Field

from rowferry.api.wire import models
from rowferry.api.wire.models import Name, Text
from rowferry.api.wire.options import ImportOptions

METADATA_BYTES_MAX = 65_536
TITLE_CHARACTERS_MAX = 500
CONTENT_CHARACTERS_MAX = 1_000_000


def _kept(value: dict[str, object]) -> dict[str, object]:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise ValueError("A number is too large") from None
    if len(text.encode()) > METADATA_BYTES_MAX:
        raise ValueError(f"As JSON it is over the limit of {METADATA_BYTES_MAX} bytes")
    return value


def _finite(value: dict[str, object]) -> dict[str, object]:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise ValueError("A number is too large") from None
    return value


class Body(models.Body):
    """A JSON body of the dialect."""


class TokenBody(Body):
    """A key to be made, which may do what the caller may."""

    name: Name = Field(description="What the key is for.")


class DocumentBody(Body):
    """A document to be stored."""

    title: Annotated[Text, Field(min_length=1, max_length=TITLE_CHARACTERS_MAX)]
    content: Annotated[Text, Field(max_length=CONTENT_CHARACTERS_MAX)]
    metadata: Annotated[dict[str, object], AfterValidator(_kept)] = Field(
        default={}, description=f"Any object of up to {METADATA_BYTES_MAX} bytes."
    )


class JobBody(Body):
    """A job to be made: its type, and what the type asks for."""

    type: Name = Field(description="`import`, `export`, or the name of another task.")
    params: Annotated[dict[str, object], AfterValidator(_finite)] = Field(
        default={}, description="Of `import` see ImportParams; of a task see its `params` under /v1/kinds."
    )


class FileParams(Body):
    """What is said beside a file."""

    kind: Name = Field(description="The import kind.")
    options: ImportOptions = ImportOptions()


class ImportParams(FileParams):
    """An import whose rows come in the body. `rows` is read apart, row by row."""

    rows: list[dict[str, object]] = Field(
        min_length=1, description="The rows: objects of column and value. Numbers keep their exact text."
    )
