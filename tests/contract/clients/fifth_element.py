"""A customer's program for Fifth Element: exports, polls as the vendor publishes it, fetches the file, runs the job again, cancels one.

Usage: fifth_element.py BASE KEY SECONDS_BETWEEN_POLLS
"""

import json
import sys
import time

import requests

BASE, KEY, PAUSE = sys.argv[1], sys.argv[2], float(sys.argv[3])
HEADERS = {"Authorization": f"Bearer {KEY}"}


def poll_job(job_id, poll_interval=PAUSE, timeout=300):
    """The vendor's example: no look at the HTTP status, no retry."""
    start = time.time()
    while time.time() - start < timeout:
        job = requests.get(f"{BASE}/jobs/{job_id}", headers=HEADERS).json()["data"]
        if job["status"] in ("completed", "failed", "cancelled"):
            print(f"Job {job['status']}: {job['result']}", file=sys.stderr)
            return job
        print(f"Progress: {job['progress']}%", file=sys.stderr)
        time.sleep(poll_interval)
    raise TimeoutError(f"Job {job_id} timed out")


def ask(method, path, **more):
    answer = requests.request(method, BASE + path, headers=HEADERS, **more).json()
    if answer["error"] is not None:
        raise SystemExit(f"{answer['error']['name']}: {answer['error']['message']}")
    return answer["data"]


rows = [{"email": f"c{number}@example.org", "name": f"Customer {number}"} for number in range(20)] + [{"email": "no"}]
made = ask("POST", "/jobs", json={"type": "import", "params": {"kind": "customers", "rows": rows}})
imported = poll_job(made["id"])
exported = poll_job(ask("POST", "/jobs", json={"type": "export", "params": {"kind": "customers"}})["id"])
host = BASE.removesuffix("/v1/api")
file = requests.get(host + exported["result"]["fileUrl"], headers=HEADERS)
again = ask("POST", f"/jobs/{exported['id']}/rerun")
twice = poll_job("job_" + again["id"])

many = [{"email": f"m{number}@example.org", "name": "Many"} for number in range(30_000)]
unwanted = ask("POST", "/jobs", json={"type": "import", "params": {"kind": "customers", "rows": many}})
cancelled = ask("POST", f"/jobs/{unwanted['id']}/cancel")
stopped = poll_job(unwanted["id"])
late = requests.post(f"{BASE}/jobs/{unwanted['id']}/cancel", headers=HEADERS).json()["error"]
print(
    json.dumps(
        {
            "imported": imported["result"],
            "lines": len(file.text.splitlines()),
            "original": again["originalJobId"] == exported["id"] == twice["originalJobId"],
            "rerun": twice["status"],
            "listed": ask("GET", "/jobs?type=export&status=completed")["pagination"]["total"],
            "limited": "X-RateLimit-Remaining" in file.headers,
            "asked": cancelled["status"] in ("running", "cancelled"),
            "stopped": [stopped["status"], stopped["progress"] < 100, stopped["result"]["rowsImported"] < len(many)],
            "late": [late["name"], late["details"]["status"]],
        }
    )
)
