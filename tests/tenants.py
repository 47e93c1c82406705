"""The tenant that tests of the store act for."""

from dataclasses import dataclass

from rowferry.domain.access import TenantId, UserId


@dataclass(frozen=True)
class Tenant:
    """A customer with one user."""

    id: TenantId
    slug: str
    user: UserId
