"""The two clients: the same names, streaming uploads and downloads, over a transport that stands for a server."""

import hashlib
import inspect
import io
from pathlib import Path

import httpx2
import pytest

from rowferry_client import aio, sync
from rowferry_client.cli import OF_STATUS, exit_code
from rowferry_client.files import FileUpload

DONE = {
    "id": "j1",
    "status": "partial",
    "kind": "customers",
    "version": 2,
    "ledger": {"read": 2, "created": 1, "failed": 1},
}
ERRORS = b"email,_row\nnone,2\n"
DIGEST = hashlib.sha256(ERRORS).hexdigest()


def server(request: httpx2.Request) -> httpx2.Response:
    """What a server would answer."""
    assert request.headers["authorization"] == "Bearer t"
    match request.method, request.url.path:
        case "POST", "/v1/imports":
            assert b"email\r\n" in request.read()
            return httpx2.Response(
                202, json={**DONE, "status": "queued", "source": {"sha256": hashlib.sha256(b"email\r\n").hexdigest()}}
            )
        case ("GET", "/v1/jobs/j1") | ("POST", "/v1/jobs/j1/pause" | "/v1/jobs/j1/resume" | "/v1/jobs/j1/rerun"):
            asked = {} if request.method == "GET" else {"status": request.url.path.rpartition("/")[2]}
            return httpx2.Response(200, json=DONE | asked)
        case "GET", "/v1/jobs/j1/artifacts":
            file = {
                "id": "a",
                "category": "errors",
                "name": "x.errors.csv",
                "sha256": DIGEST,
                "url": "/v1/jobs/j1/artifacts/a",
            }
            return httpx2.Response(200, json={"artifacts": [file]})
        case "GET", "/v1/jobs/j1/artifacts/a":
            return httpx2.Response(200, stream=httpx2.ByteStream(ERRORS))
        case "GET", "/v1/jobs":
            token = request.url.params.get("page_token")
            return httpx2.Response(200, json={"jobs": [DONE], "next_page_token": None if token else "more"})
        case _:
            return httpx2.Response(404, json={"code": "not-found", "detail": "nothing here"})


def test_an_import_is_sent_waited_for_and_its_error_file_fetched(tmp_path: Path):
    with sync.Client("http://server", "t", transport=httpx2.MockTransport(server)) as client:
        job = client.imports.create(b"email\r\n", "customers", mode="upsert").wait(5)
        path = job.download("errors", tmp_path / "e.csv")
        assert (job.status, job.ledger.failed, path.read_bytes()) == ("partial", 1, ERRORS)
        assert [one.id for one in client.jobs.list()] == ["j1", "j1"]
        assert [job.pause().status, job.resume().status, job.rerun().status] == ["pause", "resume", "rerun"]
        with pytest.raises(LookupError, match="It has: errors"):
            job.download("output")
    assert [left.name for left in tmp_path.iterdir()] == ["e.csv"]


@pytest.mark.anyio
async def test_the_async_client_does_the_same(tmp_path: Path):
    async with aio.AsyncClient("http://server", "t", transport=httpx2.MockTransport(server)) as client:
        job = await (await client.imports.create(io.BytesIO(b"email\r\n"), "customers")).wait(5)
        path = await job.download("errors", tmp_path / "e.csv")
        assert (job.status, path.read_bytes()) == ("partial", ERRORS)
        assert [one.id async for one in client.jobs.list()] == ["j1", "j1"]
        told = [await job.pause(), await job.resume(), await job.rerun()]
        assert [one.status for one in told] == ["pause", "resume", "rerun"]


def names(thing: object) -> dict[str, set[str]]:
    """The public names of each class of a module."""
    classes = {name.replace("Async", ""): found for name, found in inspect.getmembers(thing, inspect.isclass)}
    return {
        name: {member for member in vars(found) if not member.startswith("_")}
        for name, found in classes.items()
        if found.__module__ in {"rowferry_client.sync", "rowferry_client.aio"}
    }


def test_both_clients_have_the_same_names():
    assert names(sync) == names(aio)


def test_a_token_is_in_no_repr():
    assert "secret" not in repr(sync.Client("http://server", "secret"))


def test_a_source_that_cannot_be_read_twice_is_kept():
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with FileUpload(Pipe(b"abc")) as upload:
        assert (upload.size, upload.read(), upload.sha256) == (3, b"abc", hashlib.sha256(b"abc").hexdigest())
        upload.seek(0)
        assert upload.read() == b"abc"


def test_every_end_of_a_job_has_an_exit_code():
    assert {status: exit_code(status, allow_partial=False) for status in OF_STATUS} == {
        "succeeded": 0,
        "partial": 3,
        "failed": 1,
        "cancelled": 6,
        "interrupted": 6,
    }
    assert exit_code("partial", allow_partial=True) == 0
