"""What was answered with 202 is kept, and what was not is sent again with its key: one job, wherever the API process dies."""

import httpx2
import pytest

from driving import up
from faults import faults_at
from rowferry.domain.job import TERMINAL
from serving import send


@pytest.fixture(scope="module")
def server(data_folders, tmp_path_factory):
    with (
        faults_at(tmp_path_factory.mktemp("points") / "s") as faults,
        up(data_folders(), "--workers", "1", points=faults.path, lease_seconds=2) as running,
    ):
        yield running, faults


def until_served(client: httpx2.Client) -> None:
    """Asks until the API is back."""
    while True:
        try:
            client.get("/livez")
        except httpx2.TransportError:
            continue
        return


@pytest.mark.parametrize("point", ["submit.stored", "submit.before_commit", "submit.committed"])
def test_a_submit_whose_server_dies_is_one_job_when_it_is_sent_again(server, point) -> None:
    running, faults = server
    tenant = point.replace(".", "-").replace("_", "-")
    headers = {"Authorization": f"Bearer {running.token(tenant)}"}
    with httpx2.Client(base_url=running.url, headers=headers, timeout=30, trust_env=False) as client:
        faults.kill_at(point)
        with pytest.raises(httpx2.TransportError):
            send(client, headers={"Idempotency-Key": "k"})
        until_served(client)
        answer = send(client, headers={"Idempotency-Key": "k"})
        assert answer.status_code == 202
        assert ("idempotency-replayed" in answer.headers) == (point == "submit.committed")
        assert [job["id"] for job in client.get("/v1/jobs").json()["jobs"]] == [answer.json()["id"]]
        job = answer.json()
        while job["status"] not in TERMINAL:
            job = client.get(job["links"]["self"], headers={"Prefer": "wait=20"}).json()
        assert (job["status"], job["ledger"]["created"]) == ("succeeded", 2)
