"""Packed files through the whole server: unpacked by the worker, shown on the job, refused without harm."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from driving import Running
from packers import gzip_of, zipped

HOSTILE = Path(__file__).parents[2] / "../shared/corpus/hostile"
KIND = {
    "name": "boxes",
    "schema": {
        "fields": [{"name": "id", "type": "integer"}, {"name": "label", "type": "string"}],
        "primaryKey": ["id"],
    },
}


@pytest.fixture(scope="module")
def client(running: Running) -> Iterator[httpx2.Client]:
    with running.client("packed") as client:
        assert client.post("/v1/kinds", json=KIND).status_code == 201
        yield client


def stored(running: Running, client: httpx2.Client) -> dict[int, str]:
    return {row["id"]: row["label"] for row in running.rows(client, "boxes")}


def test_a_file_packed_with_gzip_is_read_and_the_job_says_so(running: Running, client: httpx2.Client) -> None:
    job = running.imported(client, gzip_of(b"id,label\n101,a\n102,b\n", b"103,c\nx,d\n"), "boxes")
    assert (job["status"], job["ledger"]["created"], job["ledger"]["failed"]) == ("partial", 3, 1)
    assert {name: job["source"][name] for name in ("format", "compression", "member")} == {
        "format": "csv",
        "compression": "gzip",
        "member": None,
    }
    (issue,) = client.get(f"/v1/jobs/{job['id']}/issues").json()["issues"]
    assert (issue["line"], issue["field"]) == (5, "id")
    listed = client.get(f"/v1/jobs/{job['id']}/artifacts").json()["artifacts"]
    (errors,) = [one for one in listed if one["category"] == "errors"]
    assert client.get(errors["url"]).text.splitlines()[1].startswith("x,d,4,5,type-error,id,")


def test_a_file_of_an_archive_is_chosen_by_an_option(running: Running, client: httpx2.Client) -> None:
    archive = zipped({"report/old.csv": b"id,label\n201,old\n", "report/new.csv": b"id,label\n202,new\n"})
    job = running.imported(client, archive, "boxes")
    assert (job["status"], job["failure"]["code"]) == ("failed", "archive-content")
    assert job["failure"]["details"]["members"] == ["report/old.csv", "report/new.csv"]
    assert "report/new.csv" in job["failure"]["message"]
    job = running.imported(client, archive, "boxes", member="new.csv")
    assert job["status"] == "succeeded", job["failure"]
    assert (job["source"]["compression"], job["source"]["member"]) == ("zip", "report/new.csv")
    assert {201, 202} & set(stored(running, client)) == {202}


@pytest.mark.parametrize("name", ["bomb.csv.gz", "truncated.csv.gz"])
def test_a_hostile_packed_file_ends_its_job_at_once_and_harms_no_other(
    running: Running, client: httpx2.Client, name: str
) -> None:
    if not HOSTILE.exists():
        pytest.skip("the corpus is not here")
    before = stored(running, client)
    job = running.imported(client, (HOSTILE / name).read_bytes(), "boxes")
    assert (job["status"], job["attempt"]["number"]) == ("failed", 1)
    assert job["failure"]["code"] == {"bomb.csv.gz": "archive-too-large", "truncated.csv.gz": "archive-damaged"}[name]
    assert job["failure"]["retryable"] is False
    assert stored(running, client) == before
    assert list((running.data / "scratch").rglob("unpacked-*")) == []


def test_a_rerun_of_a_packed_file_finds_it_unchanged(running: Running, client: httpx2.Client) -> None:
    content = gzip.compress(b"id,label\n" + b"".join(b"%d,x\n" % number for number in range(1_000, 3_000)))
    first = running.imported(client, content, "boxes")
    again = running.ended(client, client.post(f"/v1/jobs/{first['id']}/rerun").json()["id"])
    assert (again["status"], again["ledger"]["unchanged"], again["source"]["compression"]) == (
        "succeeded",
        2_000,
        "gzip",
    )
