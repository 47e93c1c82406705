"""Pages of lists: how many entries, and opaque tokens that are good for one list, one tenant and one set of filters only."""

import base64
import binascii
import hashlib
from dataclasses import dataclass

import orjson

from rowferry.domain.faults import Invalid, Pointed

TOKEN_CHARACTERS_MAX = 2_000
_SEAL_BYTES = 9


@dataclass(frozen=True, slots=True)
class PageSize:
    """How many entries a page of a list has when nothing is said, and at most."""

    default: int
    most: int

    def of(self, asked: int | None) -> int:
        """The size for a request: 0 and nothing mean the default, too large is lowered.

        Raises:
            Invalid: it is negative.
        """
        if asked is not None and asked < 0:
            raise invalid_parameter("page_size", "page_size is negative. Leave it out for the default.")
        return min(asked or self.default, self.most)


@dataclass(frozen=True, slots=True)
class Binding:
    """The list that a token belongs to: whose, which, and with which filters."""

    tenant: int
    name: str
    filters: tuple[object, ...] = ()

    def token(self, position: object) -> str:
        """The token of the page behind a position, which is JSON."""
        payload = orjson.dumps(position)
        return base64.urlsafe_b64encode(self._seal(payload) + payload).decode().rstrip("=")

    def position(self, token: str | None) -> object:
        """The position that a token stands for; None without a token.

        Raises:
            Invalid: the token is none of ours, or of another list.
        """
        if token is None:
            return None
        payload = self._opened(token) if len(token) <= TOKEN_CHARACTERS_MAX else None
        if payload is None:
            reason = "page_token does not belong to this list with these filters. Begin again without it."
            raise invalid_parameter("page_token", reason)
        return orjson.loads(payload)

    def _opened(self, token: str) -> bytes | None:
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            return None
        payload = sealed[_SEAL_BYTES:]
        return payload if self._seal(payload) == sealed[:_SEAL_BYTES] else None

    def _seal(self, payload: bytes) -> bytes:
        # No secret: the position alone opens nothing, since every query is bound to the caller's tenant. The seal
        # keeps a token from being used with other filters, where it would skip rows without a word.
        bound = repr((self.tenant, self.name, self.filters)).encode("utf-8", "backslashreplace")
        return hashlib.sha256(bound + b"\0" + payload).digest()[:_SEAL_BYTES]


def invalid_parameter(name: str, reason: str) -> Invalid:
    """The refusal of one query parameter."""
    return Invalid(reason=reason, errors=(Pointed(reason, f"/query/{name}"),))
