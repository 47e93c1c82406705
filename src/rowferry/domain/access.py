"""Who asks and what they may do: tenant, principal, scopes."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

TenantId = NewType("TenantId", int)
UserId = NewType("UserId", int)

SLUG = re.compile(r"[a-z][a-z0-9-]{0,62}")
RESERVED_SLUGS = frozenset(
    {"v1", "livez", "readyz", "metrics", "docs", "jobs", "start", "static", "openapi"}
    | {"batch-import", "entities", "transactions"}
)
"""First steps of addresses that are no tenant's."""


class Scope(StrEnum):
    """What a token may do. `imports:write:KIND` narrows `imports:write` to one kind and is kept as text."""

    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    IMPORTS_WRITE = "imports:write"
    KINDS_WRITE = "kinds:write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request acts for: one user of one tenant with the scopes of one token."""

    tenant: TenantId
    tenant_slug: str
    user: UserId
    user_name: str
    token: str
    scopes: frozenset[str]

    def may(self, scope: Scope) -> bool:
        """Whether the token carries the scope; `admin` carries all."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def may_import(self, kind: str) -> bool:
        """Whether the token may import rows of this kind."""
        return self.may(Scope.IMPORTS_WRITE) or f"{Scope.IMPORTS_WRITE}:{kind}" in self.scopes


NATIVE_SCOPES: Mapping[str, tuple[str, ...]] = {
    "transactions:create": (Scope.JOBS_READ, f"{Scope.IMPORTS_WRITE}:transaction_batch"),
    "entities:bulk_import": (Scope.JOBS_READ, f"{Scope.IMPORTS_WRITE}:entity_automatic"),
    "entities:create": ("entities:create",),
    "events:create": (Scope.JOBS_READ, f"{Scope.IMPORTS_WRITE}:user_event_batch"),
}
"""What the scopes of other products are here; a token that is asked for with one of them gets these. One that says nothing of ours stays."""


def native_scopes(asked: Iterable[str]) -> tuple[str, ...]:
    """Scopes in our own words, each once."""
    return tuple(dict.fromkeys(scope for one in asked for scope in NATIVE_SCOPES.get(one, (one,))))


def valid_scope(text: str) -> bool:
    """Whether a scope is one that we know, of ours or of another product, or `imports:write:` and the name of a kind."""
    prefix = f"{Scope.IMPORTS_WRITE}:"
    return text in set(Scope) or text in NATIVE_SCOPES or (text.startswith(prefix) and len(text) > len(prefix))
