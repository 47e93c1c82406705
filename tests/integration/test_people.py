"""Who logs in with a password, and what tenants keep besides jobs, behind the same walls."""

from collections.abc import Callable

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from rowferry.domain.access import Principal
from rowferry.domain.faults import NotFound, Unauthenticated
from rowferry.ids import uuid7
from rowferry.service import passwords
from rowferry.service.access import Access
from rowferry.service.documents import Documents
from rowferry.service.mappings import Mappings, MappingWish
from rowferry.service.transactions import Transactions
from rowferry.store import people
from rowferry.store.database import Connection, Database, Role, pool
from tenants import Tenant

PASSWORD = "correct horse battery"  # of a test


@pytest.fixture
def anna(system: Connection, tenant: Tenant) -> str:
    """A user of acme who may log in."""
    user = people.NewUser(tenant.id, "Ana@example.org", passwords.hashed(PASSWORD), ("jobs:read",))
    return people.set_password(system, user)


def transactions(database: Database) -> Transactions:
    def of(role: Role) -> object:
        return pool(database, role, size=2)

    return Transactions(of(Role.APP), of(Role.APP), of(Role.SYSTEM))  # type: ignore[arg-type]


def principal(tenant: Tenant) -> Principal:
    return Principal(tenant.id, "acme", tenant.user, "ana", "t", frozenset({"admin"}))


@pytest.mark.anyio
async def test_a_password_gives_a_token_that_says_who_one_is(database: Database, tenant: Tenant, anna: str) -> None:
    work = transactions(database)
    async with work.reads, work.writes, work.system:
        access = Access(work, uuid7)
        made = await access.login("acme", "ana@EXAMPLE.org", PASSWORD)
        number, _, secret = made.secret.partition("|")
        assert number.isdigit()
        assert (len(secret), secret.isalnum()) == (40, True)
        who = await access.principal(made.secret)
    assert (who.user_name, who.tenant, who.scopes) == (anna, tenant.id, {"jobs:read"})


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("slug", "email", "password"),
    [
        ("acme", "ana@example.org", "another password"),
        ("acme", "bob@example.org", PASSWORD),
        ("emca", "ana@example.org", PASSWORD),
    ],
)
async def test_whatever_is_wrong_is_refused_alike(
    database: Database, anna: str, slug: str, email: str, password: str
) -> None:
    work = transactions(database)
    async with work.reads, work.writes, work.system:
        with pytest.raises(Unauthenticated) as refused:
            await Access(work, uuid7).login(slug, email, password)
    assert anna
    assert refused.value.details["reason"] == "The e-mail or the password is wrong."


@pytest.mark.anyio
async def test_tokens_of_logins_do_not_pile_up(database: Database, admin: Connection, anna: str) -> None:
    work = transactions(database)
    async with work.reads, work.writes, work.system:
        access = Access(work, uuid7)
        secrets = [(await access.login("acme", "ana@example.org", PASSWORD)).secret for _ in range(22)]
        with pytest.raises(Unauthenticated):
            await access.principal(secrets[0])
        assert (await access.principal(secrets[-1])).user_name == anna
    assert admin.execute("select count(*) from tokens").fetchone() == (20,)


def test_a_password_can_be_changed_and_an_email_has_one_user(system: Connection, tenant: Tenant, anna: str) -> None:
    changed = people.NewUser(tenant.id, "ANA@example.org", passwords.hashed("something longer"), ("jobs:read",))
    assert people.set_password(system, changed) == anna
    with pytest.raises(people.EmailTaken):
        people.set_password(system, people.NewUser(tenant.id, "ana@example.org", "x", (), name="bob"))


def test_no_role_that_serves_reads_the_digest_of_a_password(database: Database, anna: str) -> None:
    assert anna
    for role in (Role.APP, Role.LOADER):
        with psycopg.connect(database.url(role)) as connection, pytest.raises(InsufficientPrivilege):
            connection.execute("select password_hash from rowferry.users")


def test_passwords_have_a_least_length_and_digests_differ() -> None:
    with pytest.raises(passwords.UnfitPassword):
        passwords.hashed("eleven char")
    one, other = passwords.hashed(PASSWORD), passwords.hashed(PASSWORD)
    assert one != other
    assert passwords.fits(one, PASSWORD)
    assert not passwords.fits(one, PASSWORD + "!")
    assert not passwords.fits(None, "a password that nobody has")


@pytest.mark.anyio
async def test_mappings_are_kept_changed_and_deleted_and_others_do_not_see_them(
    database: Database, tenant: Tenant, tenants: Callable[[str], Tenant]
) -> None:
    work, other = transactions(database), tenants("other")
    async with work.reads, work.writes, work.system:
        mappings = Mappings(work, uuid7)
        made = await mappings.save(principal(tenant), MappingWish("CRM", "entity_person", {"Tax": "taxId"}))
        assert (await mappings.get(principal(tenant), made.id)).columns == {"Tax": "taxId"}
        wish = MappingWish("CRM 2", "entity_person", {"Tax": {"path": "taxId"}}, {"countryCode": "AR"}, ["Tax"])
        changed = await mappings.change(principal(tenant), made.id, wish)
        assert (changed.name, changed.defaults, changed.headers) == ("CRM 2", {"countryCode": "AR"}, ["Tax"])
        assert await mappings.all(principal(other)) == []
        for refused in (mappings.get, mappings.delete):
            with pytest.raises(NotFound):
                await refused(principal(other), made.id)
        await mappings.delete(principal(tenant), made.id)
        assert await mappings.all(principal(tenant)) == []


@pytest.mark.anyio
async def test_documents_lie_in_repositories_of_their_tenant(
    database: Database, tenant: Tenant, tenants: Callable[[str], Tenant]
) -> None:
    work, other = transactions(database), tenants("other")
    async with work.reads, work.writes, work.system:
        documents = Documents(work, uuid7)
        (first,), total = await documents.repositories(principal(tenant), 0, 50)
        assert (first.name, total) == ("Default", 1)
        assert (await documents.repositories(principal(tenant), 0, 50))[0] == [first]
        made = [await documents.add(principal(tenant), first.id, f"T{n}", "text", {"n": n}) for n in range(3)]
        assert all(one.id.startswith("doc_") for one in made)
        page, total = await documents.documents(principal(tenant), first.id, 1, 1)
        assert ([one.title for one in page], total) == (["T1"], 3)
        with pytest.raises(NotFound):
            await documents.documents(principal(other), first.id, 0, 50)
        with pytest.raises(NotFound):
            await documents.add(principal(other), first.id, "T", "text", {})
