"""dlt appends the records of a generator to PostgreSQL; it makes its own table."""

import csv
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import dlt

FILE, DATABASE = Path(sys.argv[1]), json.loads(sys.argv[2])


def records() -> Iterator[dict[str, str]]:
    """Each record as a dict of texts, as the reader gives it."""
    with FILE.open(encoding="utf-8", newline="") as text:
        yield from csv.DictReader(text)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    begin = time.perf_counter()
    # It insists on a host and a password; libpq takes the last `host` of an address, which is the folder of the socket.
    address = f"postgresql://{DATABASE['user']}:none@localhost:5432/{DATABASE['dbname']}?host={DATABASE['host']}"
    pipeline = dlt.pipeline(
        "benchmark",
        pipelines_dir=folder,
        destination=dlt.destinations.postgres(credentials=address),
        dataset_name="benchmark",
    )
    information = pipeline.run(records(), table_name="entities", write_disposition="append")
    seconds = time.perf_counter() - begin
    information.raise_on_failed_jobs()
    with pipeline.sql_client() as client:
        rows = client.execute_sql("select count(*) from entities")[0][0]
print(json.dumps({"seconds": seconds, "created": rows}))
