"""Who may ask: the principal behind a bearer token, and new tokens of the caller's own tenant."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import assert_never
from uuid import UUID

from rowferry.domain.access import Principal, native_scopes, valid_scope
from rowferry.domain.faults import Forbidden, Invalid, NotFound, Pointed, Unauthenticated
from rowferry.service import passwords
from rowferry.service.transactions import Transactions
from rowferry.store import catalog, people
from rowferry.store.catalog import NewToken, Token, TokenState

__all__ = ["Access", "MadeToken", "Token", "TokenWish", "admitted"]

HASHED_AT_ONCE = 4
"""Passwords that are looked at side by side; each takes memory and a core."""


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
    login_days: float = 30.0
    """How long a token lasts that a password gave."""
    _hashing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(HASHED_AT_ONCE))

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
        faults = [
            Pointed(f"There is no scope {scope}.", f"/scopes/{index}")
            for index, scope in enumerate(wish.scopes)
            if not valid_scope(scope)
        ]
        if wish.expires_at is not None and wish.expires_at <= datetime.now(UTC):
            faults.append(Pointed("expires_at has passed. Give a time to come, or none.", "/expires_at"))
        if faults:
            raise Invalid(reason=" ".join(one.detail for one in faults), errors=tuple(faults))
        scopes = native_scopes(wish.scopes)
        for scope in scopes:
            if scope not in principal.scopes and "admin" not in principal.scopes:
                raise Forbidden(scope=scope)
        user_name = wish.user or principal.user_name
        async with self.transactions.write(principal.tenant) as connection:
            user = await catalog.ensure_user_async(connection, principal.tenant, user_name)
            token = NewToken(self.new_id(), principal.tenant, user, scopes, wish.name, wish.expires_at)
            secret = await catalog.create_token_async(connection, token)
        return MadeToken(token.id, secret, user_name)

    async def tokens(self, principal: Principal, after: UUID | None, size: int) -> list[Token]:
        """So many of the tenant's tokens behind one of them, oldest first, with those that have ended."""
        return await self.transactions.read(
            principal.tenant, lambda connection: catalog.tokens(connection, after, size)
        )

    async def revoke_token(self, principal: Principal, token_id: UUID) -> Token:
        """Ends a token at once; one that has ended stays as it is.

        Raises:
            NotFound: the tenant has no such token.
        """
        async with self.transactions.write(principal.tenant) as connection:
            token = await catalog.revoke_token(connection, token_id)
        if token is None:
            raise NotFound(noun="token", name=token_id)
        return token

    async def create_key(self, principal: Principal, name: str) -> MadeToken:
        """Makes a token like the caller's: of its user, with its scopes, ending when it ends. Its secret is in the answer and nowhere else."""
        async with self.transactions.write(principal.tenant) as connection:
            expires_at = await catalog.token_expiry(connection, UUID(principal.token))
            scopes = sorted(principal.scopes)
            token = NewToken(self.new_id(), principal.tenant, principal.user, scopes, name, expires_at)
            secret = await catalog.create_token_async(connection, token)
        return MadeToken(token.id, secret, principal.user_name)

    async def login(self, tenant_slug: str, email: str, password: str) -> MadeToken:
        """A token for whoever knows a user's password, with the scopes of that user; its secret is `NUMBER|` and 40 letters and digits.

        Raises:
            Unauthenticated: there is no such tenant, user or password; it does not say which, nor take another time.
        """
        found = await self.transactions.unbound(lambda connection: people.login_of(connection, tenant_slug, email))
        async with self._hashing:
            fits = await asyncio.to_thread(passwords.fits, found.password_hash if found else None, password)
        if found is None or not fits:
            raise Unauthenticated(reason="The e-mail or the password is wrong.", sent=True)
        expires_at = datetime.now(UTC) + timedelta(days=self.login_days)
        async with self.transactions.write(found.tenant) as connection:
            token = NewToken(self.new_id(), found.tenant, found.user, found.scopes, expires_at=expires_at)
            secret = await people.create_login_token(connection, token)
        return MadeToken(token.id, secret, found.user_name)
