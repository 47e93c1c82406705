"""What clients of the dialect gu1 send, and how its answers are read."""

import json
from pathlib import Path

import httpx2
import pytest

FIXTURES = Path(__file__).parents[2] / "shared/spec/fixtures/gu1"
NULLABLE = {
    "totalItems",
    "succeeded",
    "failed",
    "skipped",
    "heartbeatAt",
    "leaseExpiresAt",
    "workerError",
    "completedAt",
}
LIMIT = 5
"""How many rows a request may bring to the server of the tests."""
ENTITIES = b"tax_id,type,suggested_name,country_code\n20-1,person,Ana,AR\n30-1,company,Acme,AR\n"
TRANSACTION = {"externalId": "tx-1", "type": "PAYMENT", "amount": 10.5, "currency": "USD"}


def upload(
    client: httpx2.Client, content: bytes, path: str = "entities", name: str = "people.csv", **fields
) -> httpx2.Response:
    files = {"file": (name, content, "text/csv")}
    return client.post(f"/batch-import/import/{path}", data=fields, files=files)


def error(answer: httpx2.Response) -> tuple[int, str]:
    """The number and the code of an error, whose shape is always the same."""
    shape = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert set(shape) == {"success", "error"}
    assert shape["success"] is False
    assert set(shape["error"]) - {"details"} == {"code", "message"}
    assert isinstance(shape["error"].get("details", {}), dict)
    return answer.status_code, shape["error"]["code"]


def ended(client: httpx2.Client, answer: httpx2.Response) -> dict:
    """The job of an upload at its end. The native API holds each question until the job changes, so nobody sleeps."""
    assert answer.status_code == 202, answer.text
    job_id, etag = answer.json()["jobId"], ""
    for _ in range(500):
        found = client.get(f"/v1/jobs/{job_id}", headers={"Prefer": "wait=20", "If-None-Match": etag})
        etag = found.headers["ETag"]
        if found.status_code == 200 and found.json()["finished_at"]:
            return client.get(f"/batch-import/jobs/{job_id}").json()["job"]
    raise AssertionError(f"the job {job_id} never ended")


def fixture(name: str) -> dict:
    path = FIXTURES / f"{name}.json"
    if not path.exists():
        pytest.skip("the wire formats' own examples are not here")
    return json.loads(path.read_text())


def alike(answer: object, expected: object, path: str = "") -> None:
    """Both have the same keys in the same order, and values of the same types or null; `metadata` and errors may say more."""
    if isinstance(expected, dict):
        assert isinstance(answer, dict), path
        more = path.endswith(("/metadata", "/jobFailure"))
        assert [key for key in answer if not more or key in expected] == [*expected], path
        for key, value in expected.items():
            alike(answer[key], value, f"{path}/{key}")
    elif isinstance(expected, list):
        assert isinstance(answer, list), path
        for one in answer:
            alike(one, expected[0] if expected else None, f"{path}[]")
    else:
        null = answer is None and path.rpartition("/")[2] in NULLABLE
        assert null or type(answer) is type(expected), (path, answer)
