"""What a machine makes of the four documents: nothing is otherwise than described, whatever it asks and in whatever order."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import httpx2
import pytest

from documents import operations
from driving import Running, up
from fuzzing import EXAMPLES, asked, bound, note, noted
from rowferry.api import claret as claret_face
from rowferry.api import fifth_element as fifth_element_face
from rowferry.api import gu1 as gu1_face
from serving import OPERATIONS
from speaking_gu1 import ENTITIES, upload

Known = Mapping[str, Sequence[str]]
NO_LIMIT = dict.fromkeys(
    ("requests_per_hour", "requests_per_minute", "submits_per_minute", "logins_per_minute", "queued_max"), 10**7
)
CUSTOMERS = b"email,name\nana@example.org,Ana\nnobody,\n"


@pytest.fixture(scope="module")
def unlimited(data_folders: Callable[[], Path]) -> Iterator[Running]:
    """A server with a worker, where nobody asks too often."""
    with up(data_folders(), workers=1, **NO_LIMIT) as server:
        yield server


def native(server: Running, client: httpx2.Client) -> Known:
    """An import and an export that ended, their files, two kinds, a token."""
    exported = client.post("/v1/jobs", json={"kind": "export", "params": {"kind": "customers"}}).json()
    jobs = [server.imported(client, CUSTOMERS)["id"], server.ended(client, exported["id"])["id"]]
    files = [file["id"] for job in jobs for file in client.get(f"/v1/jobs/{job}/artifacts").json()["artifacts"]]
    token = client.post("/v1/tokens", json={"name": "spare", "scopes": ["jobs:read"]}).json()["id"]
    return {"job_id": jobs, "artifact_id": files, "name": ["customers", "export"], "token_id": [token]}


def claret(server: Running, client: httpx2.Client) -> Known:
    """An import that ended, and one of its files."""
    number = server.imported(client, CUSTOMERS)["number"]
    status = client.get(f"/claret/api/v1/imports/status/{number}").json()["content"]
    *_, date, _, name = status["files"]["input"][0].split("/")
    places = {"tenant": ["claret"], "folder": ["claret"], "type": ["customers"], "date": [date], "name": [name]}
    return places | {"job_log_id": [number]}


def gu1(server: Running, client: httpx2.Client) -> Known:
    """A job of each kind that ended, and a mapping."""
    wish = {"name": "Events", "target": "user_event", "columnMapping": {"tax": "taxId", "what": "eventType"}}
    mapping = client.post("/batch-import/mappings", json=wish).json()["mapping"]["id"]
    sent = [
        upload(client, ENTITIES + b"x,nobody,,\n"),
        upload(client, b"external_id,type,amount,currency\n1,NO,1,USD\n", "transactions"),
        upload(client, b"tax,what\n1,LOGIN\n", "user-events", mappingId=mapping),
    ]
    return {"job_id": [server.ended(client, one.json()["jobId"])["id"] for one in sent], "mapping_id": [mapping]}


def fifth_element(server: Running, client: httpx2.Client) -> Known:
    """A job that ended, with a file, and a repository."""
    made = client.post("/v1/api/jobs", json={"type": "export", "params": {"kind": "customers"}}).json()["data"]
    repository = client.get("/v1/api/repositories").json()["data"]["repositories"][0]["id"]
    job = server.ended(client, made["id"])["id"]
    return {"job_id": [job, f"job_{job}"], "repository_id": [repository]}


DOCUMENTS = {
    "native": ("/openapi.json", native),
    "claret": ("/openapi/claret.json", claret),
    "gu1": ("/openapi/gu1.json", gu1),
    "fifth-element": ("/openapi/fifth-element.json", fifth_element),
}


DIALECTS = {"claret": claret_face, "gu1": gu1_face, "fifth-element": fifth_element_face}
NAMES = {name: [one["operationId"] for _, one in operations(face.document())] for name, face in DIALECTS.items()}
NAMES["native"] = [*OPERATIONS]
CASES = [pytest.param(name, (), id=name) for name in DOCUMENTS]
"""All of a document at once."""
if EXAMPLES:
    # Each operation for itself and then all in turn, so that a long run can be watched, cut short and taken up again.
    alone = "--phases=examples,coverage,fuzzing"
    CASES = [
        pytest.param(name, (alone, f"--include-operation-id={one}"), id=f"{name}-{one}")
        for name in DOCUMENTS
        for one in sorted(NAMES[name])
    ]
    CASES += [pytest.param(name, ("--phases=stateful",), id=f"{name}-in_turn") for name in DOCUMENTS]


@pytest.fixture(scope="module")
def described(unlimited: Running) -> Callable[[str], dict]:
    """A document whose paths name what is there."""

    @cache
    def make(name: str) -> dict:
        address, prepare = DOCUMENTS[name]
        with unlimited.client(name) as client:
            return bound(client.get(address).json(), prepare(unlimited, client))

    return make


@pytest.mark.timeout(0)
@pytest.mark.parametrize(("name", "which"), CASES)
def test_nothing_is_otherwise_than_the_document_says(
    request: pytest.FixtureRequest,
    unlimited: Running,
    described: Callable[[str], dict],
    tmp_path: Path,
    name: str,
    which: Sequence[str],
) -> None:
    if request.node.name in noted():
        pytest.skip("it passed before")
    keys = (unlimited.token(name), unlimited.token("stranger"))
    found = asked(described(name), unlimited.url, keys, tmp_path, *which)
    if found:
        pytest.fail(found, pytrace=False)
    note(request.node.name)
