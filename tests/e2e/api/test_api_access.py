"""Who may do what: tokens, scopes, limits, and that every route asks."""

import re
from datetime import timedelta

import pytest

from rowferry.ids import uuid7
from serving import code, send, serving, token

JOB = str(uuid7())
FILL = {"job_id": JOB, "artifact_id": JOB, "token_id": JOB, "name": "customers"}


def routes(api) -> list[tuple[str, str]]:
    with api.client(None) as client:
        document = client.get("/openapi.json").json()
    return [
        (method.upper(), re.sub(r"\{(\w+)\}", lambda found: FILL[found[1]], path))
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if operation.get("security") != []
    ]


def test_every_route_refuses_a_missing_a_wrong_an_expired_and_a_revoked_token(api, secret, all_tenants) -> None:
    expired, revoked = secret(expires_in=timedelta(seconds=-1)), secret()
    all_tenants.execute("update tokens set revoked_at = now() where hash = sha256(%s)", (revoked.encode(),))
    details = set()
    for bearer in (None, "rf_wrong", expired, revoked):
        with api.client(bearer) as client:
            for method, path in routes(api):
                answer = client.request(method, path)
                assert code(answer) == (401, "unauthenticated"), (method, path)
                challenge = answer.headers["www-authenticate"]
                assert challenge.startswith("Bearer ")
                assert ("invalid_token" in challenge) == (bearer is not None)
            details.add(answer.json()["detail"])
    assert len(details) == 4


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "bearer x y", "Bearer " + "x" * 5_000, "\xe9"])
def test_what_is_no_bearer_token_is_refused(api, header) -> None:
    with api.client(None) as client:
        answer = client.get("/v1/jobs", headers={"Authorization": header.encode("latin-1")})
    assert code(answer) == (401, "unauthenticated")


def test_a_token_without_the_scope_is_refused_on_every_route(api, secret) -> None:
    open_to_all = {"/v1/kinds", *(f"/v1/kinds/customers{end}" for end in ("", "/template.csv", "/template.xlsx"))}
    with api.client(secret("imports:write:none")) as client:
        for method, path in routes(api):
            if method == "GET" and path in open_to_all:
                continue
            files = {"file": ("a.csv", b"a\n1\n"), "kind": (None, "customers")} if path == "/v1/imports" else None
            answer = client.request(method, path, files=files)
            assert code(answer) == (403, "forbidden"), (method, path)
            assert "insufficient_scope" in answer.headers["www-authenticate"]


def test_a_token_for_one_kind_imports_that_kind_only(api, secret) -> None:
    with api.client(secret("imports:write:customers")) as client:
        assert send(client).status_code == 202
        assert code(send(client, kind="entity_automatic")) == (403, "forbidden")


def test_a_token_ends_the_moment_it_is_revoked(ana, all_tenants, acme) -> None:
    assert ana.get("/v1/jobs").status_code == 200
    all_tenants.execute("update tokens set revoked_at = now() where tenant_id = %s", (acme[0],))
    assert code(ana.get("/v1/jobs")) == (401, "unauthenticated")


def test_a_token_is_made_shown_once_and_works(api, ana, all_tenants) -> None:
    answer = ana.post(
        "/v1/tokens",
        json={"user": "nightly", "name": "cron", "scopes": ["jobs:read"], "expires_at": "2999-01-01T00:00:00Z"},
    )
    made = answer.json()
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert (made["user"], made["scopes"], made["expires_at"]) == ("nightly", ["jobs:read"], "2999-01-01T00:00:00.000Z")
    with api.client(made["token"]) as client:
        assert client.get("/v1/jobs").status_code == 200
        assert code(send(client)) == (403, "forbidden")
    kept = all_tenants.execute("select t::text from tokens t where id = %s", (made["id"],)).fetchone()
    assert made["token"] not in kept[0]


@pytest.mark.parametrize(
    "body",
    [{"scopes": ["jobs:eat"]}, {"scopes": []}, {}, {"scopes": ["jobs:read"], "expires_at": "soon"}, {"scopes": "jobs:read"},
     {"scopes": ["jobs:read"], "expires_at": "2020-01-01T00:00:00Z"}, {"scopes": ["jobs:read"], "expires_at": 4102444800},
     {"scopes": ["jobs:read"], "expires_at": "4102444800"}, {"scopes": ["jobs:read"], "expires_at": "2999-01-01T00:00:00"},
     {"scopes": ["jobs:read"], "tenant": "globex"}, {"scopes": ["jobs:read"], "user": "a\0b"}],
)  # fmt: skip
def test_a_token_that_does_not_fit_is_refused(ana, body) -> None:
    assert code(ana.post("/v1/tokens", json=body)) == (422, "invalid-request")


def test_tokens_are_listed_page_by_page_without_their_secrets(ana) -> None:
    made = [ana.post("/v1/tokens", json={"name": name, "scopes": ["jobs:read"]}).json() for name in ("one", "two")]
    listed, page = [], {"page_size": 1}
    while True:
        answer = ana.get("/v1/tokens", params=page).json()
        listed += answer["tokens"]
        assert len(answer["tokens"]) <= 1
        if answer["next_page_token"] is None:
            break
        page["page_token"] = answer["next_page_token"]
    assert [one["id"] for one in listed][-2:] == [one["id"] for one in made]
    assert (listed[-1]["name"], listed[-1]["user"], listed[-1]["revoked_at"]) == ("two", "ana", None)
    assert "token" not in listed[-1]
    assert code(ana.get("/v1/tokens", params={"page_size": -1})) == (422, "invalid-request")


def test_a_token_is_revoked_by_its_tenant_alone_and_ends_at_once(api, ana, stranger) -> None:
    made = ana.post("/v1/tokens", json={"name": "lost", "scopes": ["jobs:read"]}).json()
    address = f"/v1/tokens/{made['id']}"
    assert code(stranger.delete(address)) == (404, "not-found")
    with api.client(made["token"]) as client:
        assert client.get("/v1/jobs").status_code == 200
        assert code(client.delete(address)) == (403, "forbidden")
        ended = ana.delete(address)
        assert (ended.status_code, ended.json()["name"]) == (200, "lost")
        assert code(client.get("/v1/jobs")) == (401, "unauthenticated")
    assert ended.json()["revoked_at"] is not None
    assert ana.delete(address).json() == ended.json()
    assert code(ana.delete(f"/v1/tokens/{JOB}")) == (404, "not-found")
    assert code(ana.delete("/v1/tokens/none")) == (404, "not-found")


def test_a_tenant_sees_itself_alone(ana, stranger, acme) -> None:
    (own,) = ana.get("/v1/tenants").json()["tenants"]
    assert own["id"] == acme[0]
    assert stranger.get("/v1/tenants").json()["tenants"] != [own]


def test_workers_are_shown_without_the_jobs_of_others(api, ana, stranger, all_tenants) -> None:
    job = send(ana).json()["id"]
    all_tenants.execute(
        "insert into workers (name, host, pid, job_id) values ('h/1', 'h', 42, %s) on conflict (name) do update set job_id = excluded.job_id",
        (job,),
    )
    mine, theirs = (client.get("/v1/workers").json()["workers"] for client in (ana, stranger))
    assert {key: mine[0][key] for key in ("name", "host", "pid", "job_id")} == {
        "name": "h/1",
        "host": "h",
        "pid": 42,
        "job_id": job,
    }
    assert set(mine[0]) == {"name", "host", "pid", "job_id", "started_at", "heartbeat_at"}
    assert theirs[0]["job_id"] is None


def test_a_token_that_asks_too_often_is_told_when_to_come_back(database, tmp_path, system, tenant) -> None:
    with (
        serving(database, tmp_path, requests_per_minute=5, submits_per_minute=2) as server,
        server.client(token(system, tenant.id, tenant.user)) as client,
        server.client(token(system, tenant.id, tenant.user)) as other,
    ):
        assert [send(client).status_code for _ in range(2)] == [202, 202]
        refused = send(client)
        assert code(refused) == (429, "rate-limited")
        assert int(refused.headers["retry-after"]) >= 1
        assert '"submits";q=2;w=60' in refused.headers["ratelimit-policy"]
        codes = [client.get("/v1/jobs").status_code for _ in range(4)]
        assert 429 in codes
        assert other.get("/v1/jobs").status_code == 200
