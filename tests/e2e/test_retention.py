"""What was rejected is gone, wherever it was kept, once the time has passed for which its kind keeps it."""

import json
from pathlib import Path

import psycopg

from driving import Running
from rowferry.store.blobs import open_blobs
from rowferry.store.database import Database
from rowferry.worker.housekeeping import tidy

KIND = {
    "name": "visits",
    "schema": {
        "fields": [
            {"name": "place", "type": "string"},
            {"name": "day", "type": "date"},
            {"name": "guests", "type": "integer"},
            {"name": "note", "type": "string"},
        ],
        "primaryKey": ["place", "day"],
    },
    "retention": {"errors": "30d"},
}
SECRETS = ("Zanzibar", "fortytwo", "private")
CONTENT = b"""place,day,guests,note
Oslo,2026-01-02,3,
Oslo,2026-01-03,fortytwo,private one
Zanzibar,2026-01-04,1,private two
Zanzibar,2026-01-04,2,private three
,2026-01-05,2,private four
Oslo,2026-01-06,1,private five,more
"""


def pass_time(running: Running, job: dict) -> None:
    """Makes what is kept for a time be past it."""
    with psycopg.connect(running.database_url) as connection:
        connection.execute(
            "update rowferry.artifacts set expires_at = now() where job_id = %s and category <> 'input'", (job["id"],)
        )


def test_values_of_failed_rows_go_with_the_error_file_and_why_they_failed_stays(running: Running) -> None:
    with running.client("retention") as client:
        assert client.post("/v1/kinds", json=KIND).status_code == 201
        job = running.imported(client, CONTENT, "visits")
        assert job["ledger"]["failed"] == 4

        def told() -> list[dict]:
            return client.get(f"/v1/jobs/{job['id']}/issues").json()["issues"]

        def places() -> list[tuple]:
            return [(one["row"], one["line"], one["field"], one["code"], one["outcome"]) for one in told()]

        def everything() -> str:
            paths = ("", "/issues", "/issues/summary", "/rows?outcome=failed", "/artifacts")
            answers = [client.get(f"/v1/jobs/{job['id']}{path}") for path in paths]
            failures = client.get(f"/batch-import/jobs/{job['id']}?include=failures")
            return "".join(
                json.dumps(one.json(), ensure_ascii=False) for one in (*answers, failures) if one.status_code != 404
            )

        before, summary = places(), client.get(f"/v1/jobs/{job['id']}/issues/summary").json()
        assert all(secret in everything() for secret in SECRETS)
        pass_time(running, job)
        done = tidy(Database(running.database_url), open_blobs(Path(running.data) / "blobs"), 3600)
        assert done is not None
        assert (done.issues, done.expired) == (len(before), 3)
        after = everything()
        assert [secret for secret in SECRETS if secret in after] == []
        assert places() == before
        assert {one["value"] for one in told()} == {None, "•••"}
        again = client.get(f"/v1/jobs/{job['id']}/issues/summary").json()
        shorn = [{**one, "sample": None} for one in summary["causes"]]
        assert [{**one, "sample": None} for one in again["causes"]] == shorn
        assert "••• is no integer" in json.dumps(again, ensure_ascii=False)
        assert "••• is also the key of line 4" in json.dumps(again, ensure_ascii=False)
