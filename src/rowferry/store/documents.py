"""How values become JSON and text that PostgreSQL can keep: it has no place for NUL, nor for half a surrogate pair."""

from collections.abc import Mapping, Sequence
from typing import cast

import orjson
from psycopg.types.json import Jsonb

NUL_SHOWN = "\N{SYMBOL FOR NULL}"


def text(value: str) -> str:
    """The text as it can be stored: NUL as its symbol, bytes that are no text as the replacement mark."""
    if "\x00" in value:
        value = value.replace("\x00", NUL_SHOWN)
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return value


def document(value: Mapping[str, object]) -> Jsonb:
    """A mapping as a parameter of type jsonb; what JSON has no word for becomes text."""
    return Jsonb(value, dumps=_dumped)


def dumped(value: object) -> str:
    """The same as text, for COPY."""
    return _dumped(value).decode()


def _dumped(value: object) -> bytes:
    try:
        out = orjson.dumps(value, default=str)
    except TypeError:  # a surrogate, or a whole number beyond 64 bits
        return orjson.dumps(_plain(value), default=str)
    return orjson.dumps(_plain(value), default=str) if b"\\u0000" in out else out


def _plain(value: object) -> object:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 63:  # noqa: PLR2004  # as orjson
        return str(value)
    if isinstance(value, Mapping):
        return {text(str(key)): _plain(item) for key, item in cast(Mapping[object, object], value).items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(item) for item in cast(Sequence[object], value)]
    return value
