"""Users who log in with a password, and the tokens that they get for it."""

import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace

from psycopg.rows import DictRow

from rowferry.domain.access import TenantId, UserId
from rowferry.store.catalog import NewToken, ensure_user, store_token
from rowferry.store.database import AsyncConnection, Connection, Statement, nothing

LOGIN = "login"
"""The name of the tokens that a password gives."""
LOGINS_MAX = 20
"""How many of them a user keeps; the oldest go."""
SECRET_CHARACTERS = 40


class EmailTaken(ValueError):
    """Another user of the tenant has the e-mail."""

    def __init__(self, email: str, name: str) -> None:
        super().__init__(f"The e-mail {email} is that of the user {name}. Leave out --name, or give that one.")


@dataclass(frozen=True, slots=True)
class Login:
    """Who may log in, and the digest that the password must fit."""

    tenant: TenantId
    user: UserId
    user_name: str
    scopes: Sequence[str]
    password_hash: str


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user who is to log in. `name` None: the e-mail."""

    tenant: TenantId
    email: str
    password_hash: str
    scopes: Sequence[str]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class _User:
    id: UserId
    name: str


def _login(row: DictRow) -> Login:
    return Login(
        TenantId(row["tenant_id"]), UserId(row["user_id"]), row["user_name"], row["scopes"], row["password_hash"]
    )


def _user(row: DictRow) -> _User:
    return _User(UserId(row["id"]), row["name"])


def _number(row: DictRow) -> int:
    return int(row["n"])


GET_LOGIN = Statement("get_login", _login)
USER_OF_EMAIL = Statement("get_user_of_email", _user)
SET_PASSWORD = Statement("set_password", nothing)
NEXT_NUMBER = Statement("next_token_number", _number)
DELETE_OLD = Statement("delete_old_logins", nothing)


async def login_of(connection: AsyncConnection, tenant_slug: str, email: str) -> Login | None:
    """Who logs in under an e-mail of a tenant; None where nobody does. Needs no tenant."""
    return await GET_LOGIN.one_async(connection, slug=tenant_slug, email=email)


async def create_login_token(connection: AsyncConnection, token: NewToken) -> str:
    """Makes a token whose secret is `NUMBER|` and 40 letters and digits; the user's oldest beyond the limit go. Tenant set."""
    number = await NEXT_NUMBER.one_async(connection)
    letters = string.ascii_letters + string.digits
    secret = f"{number}|" + "".join(secrets.choice(letters) for _ in range(SECRET_CHARACTERS))
    await store_token(connection, replace(token, name=LOGIN), secret)
    await DELETE_OLD.run_async(connection, user=token.user, name=LOGIN, most=LOGINS_MAX)
    return secret


def set_password(connection: Connection, user: NewUser) -> str:
    """Makes the user, or changes password and scopes of the one that has the e-mail; gives the name. By `rowferry_system`.

    Raises:
        EmailTaken: a user of another name has the e-mail.
    """
    known = USER_OF_EMAIL.one(connection, tenant=user.tenant, email=user.email)
    name = user.name or (known.name if known else user.email)
    if known is not None and known.name != name:
        raise EmailTaken(user.email, known.name)
    made = known.id if known else ensure_user(connection, user.tenant, name)
    SET_PASSWORD.run(
        connection,
        tenant=user.tenant,
        user=made,
        email=user.email,
        hash=user.password_hash,
        scopes=list(user.scopes),
    )
    return name
