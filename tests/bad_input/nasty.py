"""How a nasty file is told: what it is, how it is made, and what an import of it must say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rowferry.domain.declaration import from_declaration

DECLARATION = {
    "name": "parts",
    "schema": {
        "fields": [
            {"name": "id", "type": "integer", "constraints": {"required": True}},
            {"name": "label", "type": "string", "constraints": {"required": True, "maxLength": 100}},
            {"name": "price", "type": "number", "scale": 3},
            {"name": "day", "type": "date"},
            {"name": "active", "type": "boolean"},
        ],
        "primaryKey": ["id"],
    },
}
KIND = from_declaration(DECLARATION)
"""What all nasty files bring rows of."""

Issue = tuple[int, int, str | None, str]
"""Row, line, field and code of an issue."""


@dataclass(frozen=True)
class Nasty:
    """A nasty file: of which format, and either the code that stops it, or its rows and the issues of those.

    `said` are words that the message of the code must have. `values` are those of the good rows in the field `label`, where they matter.
    """

    name: str
    form: str
    build: Callable[[], bytes]
    code: str = ""
    said: str = ""
    rows: int = 0
    issues: tuple[Issue, ...] = ()
    values: tuple[str, ...] | None = None
    options: Mapping[str, object] = field(default_factory=dict)


def stops(
    name: str, form: str, build: Callable[[], bytes] | bytes, code: str, said: str = "", **options: object
) -> Nasty:
    """A file that cannot be imported at all."""
    return Nasty(name, form, _builder(build), code=code, said=said, options=options)


def reads(
    name: str,
    form: str,
    build: Callable[[], bytes] | bytes,
    rows: int,
    *issues: Issue,
    values: tuple[str, ...] | None = None,
    **options: object,
) -> Nasty:
    """A file with so many rows, of which some may fail."""
    return Nasty(name, form, _builder(build), rows=rows, issues=issues, values=values, options=options)


def _builder(build: Callable[[], bytes] | bytes) -> Callable[[], bytes]:
    return build if callable(build) else lambda: build
