"""pandas reads the file as text, makes dates and decimals of it, and writes with to_sql."""

import json
import sys
import time
from decimal import Decimal

import pandas
import sqlalchemy

FILE, DATABASE = sys.argv[1], json.loads(sys.argv[2])

address = sqlalchemy.URL.create(
    "postgresql+psycopg", username=DATABASE["user"], database=DATABASE["dbname"], query={"host": DATABASE["host"]}
)
engine = sqlalchemy.create_engine(address)
with engine.begin() as connection:
    begin = time.perf_counter()
    frame = pandas.read_csv(FILE, dtype=str)
    frame["birth_date"] = pandas.to_datetime(frame["birth_date"], format="%Y-%m-%d").dt.date
    frame["amount"] = frame["amount"].map(Decimal)
    frame = frame.astype(object).where(frame.notna(), None)
    types = {"amount": sqlalchemy.Numeric(18, 2), "birth_date": sqlalchemy.Date()}
    frame.to_sql("entities", connection, if_exists="append", index=False, method="multi", chunksize=500, dtype=types)
seconds = time.perf_counter() - begin
print(json.dumps({"seconds": seconds, "created": len(frame)}))
