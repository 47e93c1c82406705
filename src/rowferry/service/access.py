"""Who may ask: the principal behind a bearer token, and new tokens of the caller's own tenant."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never
from uuid import UUID

from rowferry.domain.access import Principal, valid_scope
from rowferry.domain.faults import Forbidden, Invalid, Pointed, Unauthenticated
from rowferry.service.transactions import Transactions
from rowferry.store import catalog
from rowferry.store.catalog import NewToken, TokenState


def admitted(holder: tuple[Principal, TokenState] | None) -> Principal:
    """The holder of a token that is good.

    Raises:
        Unauthenticated: the token is none of ours, has expired or was revoked; the sentence says which.
    """
    if holder is None:
        raise Unauthenticated(reason="The token is not known here.", sent=True)
    principal, state = holder
    match state:
        case "valid":
            return principal
        case "expired":
            raise Unauthenticated(reason="The token has expired.", sent=True)
        case "revoked":
            raise Unauthenticated(reason="The token was revoked.", sent=True)
        case _:
            assert_never(state)


@dataclass(frozen=True, slots=True)
class TokenWish:
    """A token that is asked for. `user` None: the caller's own; a name that is new makes the user."""

    user: str | None
    name: str
    scopes: Sequence[str]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A token just made, with its secret."""

    id: UUID
    secret: str
    user: str


@dataclass(frozen=True, slots=True)
class Access:
    """The use cases of tokens."""

    transactions: Transactions
    new_id: Callable[[], UUID]

    async def principal(self, secret: str) -> Principal:
        """Who the token acts for. Looked up each time, so that a token ends the moment it is revoked.

        Raises:
            Unauthenticated: the token is none of ours, has expired or was revoked; the sentence says which.
        """
        return admitted(await self.transactions.unbound(lambda connection: catalog.principal(connection, secret)))

    async def create_token(self, principal: Principal, wish: TokenWish) -> MadeToken:
        """Makes a token of the caller's tenant. Its secret is in the answer and nowhere else.

        Raises:
            Invalid: a scope is none, or the expiry has passed.
            Forbidden: the caller lacks a scope that it wants to give.
        """
        unknown = [
            Pointed(f"There is no scope {scope}.", f"/scopes/{index}")
            for index, scope in enumerate(wish.scopes)
            if not valid_scope(scope)
        ]
        if unknown:
            raise Invalid(reason=" ".join(one.detail for one in unknown), errors=tuple(unknown))
        for scope in wish.scopes:
            if scope not in principal.scopes and "admin" not in principal.scopes:
                raise Forbidden(scope=scope)
        user_name = wish.user or principal.user_name
        async with self.transactions.write(principal.tenant) as connection:
            user = await catalog.ensure_user_async(connection, principal.tenant, user_name)
            token = NewToken(self.new_id(), principal.tenant, user, wish.scopes, wish.name, wish.expires_at)
            secret = await catalog.create_token_async(connection, token)
        return MadeToken(token.id, secret, user_name)
