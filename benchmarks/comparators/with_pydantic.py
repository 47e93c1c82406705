"""csv.DictReader, a model a row with the rules of the kind, and executemany in batches, as one would write it by hand."""

import csv
import itertools
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import psycopg
from pydantic import BaseModel, Field, ValidationError

FILE, DATABASE = Path(sys.argv[1]), json.loads(sys.argv[2])
FIELDS = ("tax_id", "type", "name", "email", "country", "birth_date", "amount", "external_id", "notes")
COUNTRIES = {
    "Argentina": "AR", "Brasil": "BR", "México": "MX", "España": "ES", "Deutschland": "DE",
    "France": "FR", "Chile": "CL", "United States": "US", "Colombia": "CO", "Perú": "PE",
}  # fmt: skip
BATCH_ROWS = 1_000


class Entity(BaseModel):
    """The same rules as a model."""

    tax_id: Annotated[str, Field(pattern=r"^[0-9]{11}$")]
    type: Literal["person", "company"]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s.]+$", max_length=254)]
    country: Annotated[str, Field(min_length=2, max_length=2)]
    birth_date: date | None
    amount: Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=2)]
    external_id: str | None
    notes: str | None


def entities(records: Iterable[dict[str, str]]) -> Iterator[tuple[object, ...]]:
    """The rows that pass, as tuples; the others are dropped."""
    for record in records:
        cells = [(record.get(column) or "").strip() for column in list(record)[: len(FIELDS)]]
        try:
            one = Entity(**values(dict(zip(FIELDS, cells, strict=False))))
        except (ValidationError, ValueError):
            continue
        yield tuple(getattr(one, field) for field in FIELDS)


def values(cells: Mapping[str, str]) -> dict[str, object]:
    """The cells as the model takes them."""
    born = cells["birth_date"]
    return {
        **{name: value or None for name, value in cells.items()},
        "type": cells["type"].lower(),
        "email": cells["email"].lower(),
        "country": COUNTRIES.get(cells["country"], ""),
        "birth_date": datetime.strptime(born, "%d/%m/%Y").date() if born else None,  # noqa: DTZ007  # a date has no zone
        "amount": cells["amount"].replace(".", "").replace(",", "."),
    }


holes = ", ".join(["%s"] * len(FIELDS))
insert = f"insert into entities ({', '.join(FIELDS)}) values ({holes}) on conflict do nothing"
created = 0
with psycopg.connect(**DATABASE) as connection, FILE.open(encoding="utf-8", newline="") as text:
    begin = time.perf_counter()
    with connection.transaction(), connection.cursor() as cursor:
        good = entities(csv.DictReader(text, delimiter=";"))
        while batch := list(itertools.islice(good, BATCH_ROWS)):
            cursor.executemany(insert, batch)
            created += cursor.rowcount
    seconds = time.perf_counter() - begin
print(json.dumps({"seconds": seconds, "created": created}))
