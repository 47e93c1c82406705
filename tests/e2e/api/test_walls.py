"""What is another tenant's is as what is not there, on every route; and no secret and no cell gets into a log."""

import csv
import io
import os
import re
import subprocess

import pytest

from driving import PROGRAM, up
from rowferry.ids import uuid7
from serving import OPERATIONS, code, send, work_off

OWN_KIND = {
    "name": "walled",
    "schema": {
        "fields": [{"name": "email", "type": "string", "constraints": {"required": True}}],
        "primaryKey": ["email"],
    },
}
FAILING = b"email,name\nana@example.org,Ana\nnot-an-address,Bo\n"
BODIES = {
    "create_import": {"files": {"file": ("a.csv", b"email\n1\n"), "kind": (None, "walled")}},
}
NAMES_NOTHING = {
    "list_jobs", "list_kinds", "declare_kind", "list_workers", "create_token", "list_tokens", "list_tenants", "live", "ready",
    "metrics", "openapi", "docs", "problem",
}  # fmt: skip
"""Operations that name nothing of a tenant's."""


@pytest.fixture
def walled(api, ana, all_tenants):
    """Ana's kind, and a job of hers that has ended with issues and artifacts: what stands for each name in an address."""
    assert ana.post("/v1/kinds", json=OWN_KIND).status_code == 201
    job = send(ana, FAILING).json()["id"]
    work_off(api, all_tenants)
    artifacts = ana.get(f"/v1/jobs/{job}/artifacts").json()["artifacts"]
    token = ana.post("/v1/tokens", json={"scopes": ["jobs:read"]}).json()["id"]
    return {"job_id": job, "artifact_id": artifacts[0]["id"], "token_id": token, "name": "walled"}


def operations(client) -> dict[str, tuple[str, str]]:
    paths = client.get("/openapi.json").json()["paths"]
    return {one["operationId"]: (method.upper(), path) for path, item in paths.items() for method, one in item.items()}


def filled(path: str, names: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: names[found[1]], path)


@pytest.mark.parametrize("name", sorted(OPERATIONS - NAMES_NOTHING - {"create_job"}))
def test_what_is_of_another_tenant_answers_as_what_is_not_there(ana, stranger, walled, name) -> None:
    method, path = operations(ana)[name]
    unknown = {"job_id": str(uuid7()), "artifact_id": str(uuid7()), "token_id": str(uuid7()), "name": "walles"}

    foreign = stranger.request(method, filled(path, walled), **BODIES.get(name, {}))
    assert code(foreign) in {(404, "not-found"), (422, "unknown-kind"), (422, "invalid-request")}
    if "{" in path:
        assert foreign.status_code == 404
        absent = stranger.request(method, filled(path, unknown))
        told = [
            re.sub("|".join([*walled.values(), *unknown.values()]), "…", answer.text) for answer in (foreign, absent)
        ]
        assert told[0] == told[1]
    if method == "GET":
        assert ana.request(method, filled(path, walled)).status_code == 200


def test_every_operation_is_in_the_matrix(ana) -> None:
    assert set(operations(ana)) == OPERATIONS
    assert {name for name, (_, path) in operations(ana).items() if "{" in path} <= (OPERATIONS - NAMES_NOTHING) | {
        "problem"
    }


def test_lists_show_nothing_of_another_tenant(stranger, walled) -> None:
    assert stranger.get("/v1/jobs").json()["jobs"] == []
    assert "walled" not in {kind["name"] for kind in stranger.get("/v1/kinds").json()["kinds"]}
    assert stranger.get("/v1/kinds/customers/rows").json()["rows"] == []


def test_a_page_token_opens_nothing_for_another_tenant(ana, stranger, walled) -> None:
    send(ana)
    following = ana.get("/v1/jobs?page_size=1").json()["next_page_token"]
    assert ana.get(f"/v1/jobs?page_size=1&page_token={following}").status_code == 200
    refused = stranger.get(f"/v1/jobs?page_size=1&page_token={following}")
    assert code(refused) == (422, "invalid-request")


def test_a_task_for_the_kind_of_another_tenant_finds_no_kind(stranger, walled) -> None:
    refused = []
    for kind in ("walled", "walles"):
        answer = stranger.post("/v1/jobs", json={"kind": "export", "params": {"kind": kind}})
        assert code(answer) == (422, "unknown-kind")
        refused.append(answer.text.replace(kind, "…"))
    assert refused[0] == refused[1]


def test_an_idempotency_key_is_the_tenants_own(ana, stranger) -> None:
    jobs = {send(client, headers={"Idempotency-Key": "nightly"}).json()["id"] for client in (ana, stranger)}
    assert len(jobs) == 2


def test_a_kind_of_one_name_is_two_kinds_for_two_tenants(ana, stranger, walled) -> None:
    assert stranger.post("/v1/kinds", json=OWN_KIND).status_code == 201
    assert send(ana, b"email\nx\n", kind="walled").status_code == 202
    assert stranger.get("/v1/kinds/walled/rows").json()["rows"] == []


def test_no_token_no_cell_and_no_password_is_in_a_log_or_an_answer_to_a_bad_request(data_folders) -> None:
    cell = "canary-cell-7f3a"
    rows = io.StringIO()
    csv.writer(rows).writerows([["email", "name"], [cell, cell], [f"{cell}@example.org", "Ana"]])
    with up(data_folders(), workers=1) as server, server.client() as client:
        secret = server.token()
        job = server.imported(client, rows.getvalue().encode())
        assert (job["status"], job["ledger"]["failed"]) == ("partial", 1)
        assert server.imported(client, f"{cell}\n".encode())["status"] == "failed"
        told = [
            client.post("/v1/imports", data={"kind": cell}, headers={"Idempotency-Key": cell}).text,
            client.get("/v1/jobs", headers={"Authorization": f"Bearer {secret}x"}).text,
            client.get("/metrics").text,
        ]
        assert server.stop() == 0
        log = "".join(server.log)
    assert "worker.started" in log
    assert cell not in log
    for text in (log, *told):
        assert secret not in text
        assert "rf_" not in text


@pytest.mark.parametrize(
    "command", [["migrate"], ["up", "--port", "0"], ["worker"], ["serve"], ["token", "create", "--tenant", "a"]]
)
@pytest.mark.parametrize(
    ("url", "exit_code"),
    [("postgresql://ana:canary-password@[::1/x", 2), ("postgresql://ana:canary-password@127.0.0.1:1/x", 9)],
)
def test_a_database_url_that_is_no_good_is_not_repeated(data_folders, command, url, exit_code) -> None:
    environment = os.environ | {"ROWFERRY_DATABASE_URL": url, "ROWFERRY_DATA": str(data_folders())}
    done = subprocess.run(
        [*PROGRAM, *command], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == exit_code, done.stderr
    assert done.stderr.startswith("Error: ")
    assert "canary-password" not in done.stdout + done.stderr
