"""Makes the rows of the benchmark: an old system's export, the same for every run, and beside it what a clean table would hold."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

HEADER = "Tax ID;Type;Full name;E-mail;Country;Birth date;Amount;External ID;Notes"
FIELDS = ("tax_id", "type", "name", "email", "country", "birth_date", "amount", "external_id", "notes")
COUNTRIES = (
    ("Argentina", "AR"), ("Brasil", "BR"), ("México", "MX"), ("España", "ES"), ("Deutschland", "DE"),
    ("France", "FR"), ("Chile", "CL"), ("United States", "US"), ("Colombia", "CO"), ("Perú", "PE"),
)  # fmt: skip
SYLLABLES = [
    "ma",
    "ri",
    "lo",
    "pe",
    "san",
    "to",
    "ber",
    "ta",
    "gon",
    "za",
    "lez",
    "fer",
    "nan",
    "da",
    "sil",
    "va",
    "cos",
    "mu",
    "ller",
    "schmidt",
    "du",
    "pont",
    "gar",
    "cia",
]
FAULTS = ("required", "pattern", "enum", "email", "date", "number", "range", "country", "rule", "ragged")
NAMES = 20_000
FACTOR, SHIFT, IDS = 2654435761, 12345, 100_000_000_000
"""A key is FACTOR times the index and SHIFT, modulo IDS: neighbours in the file are far apart in the index."""
SEED = 7

BAD_SHARE = 0.02
DUPLICATE_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Made:
    """How many rows a file has, how many are faulty or have the key of an earlier row, and how many clean ones are changed."""

    rows: int
    bad: int
    duplicates: int
    bytes: int
    changed: int = 0

    @property
    def clean(self) -> int:
        """Rows that must arrive."""
        return self.rows - self.bad - self.duplicates


class _Fate(Enum):
    CLEAN = "clean"
    BAD = "bad"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class _Row:
    """One entity. A name that ends in `_cell` is what the file has for it."""

    tax_id: str
    kind: str
    name: str
    name_cell: str
    email: str
    email_cell: str
    country: str
    country_cell: str
    born: str
    born_cell: str
    amount: str
    amount_cell: str
    external_id: str
    notes: str

    @property
    def line(self) -> str:
        """As the old system writes it: day first, decimal comma, countries by name."""
        return (
            f"{self.tax_id};{self.kind};{self.name_cell};{self.email_cell};{self.country_cell};{self.born_cell};{self.amount_cell};"
            f"{self.external_id};{self.notes}"
        )

    def cleaned(self, number: int) -> str:
        """As a table holds it, as CSV for COPY, the row's number last; a cell without quotes that is empty is null."""
        name = '"' + self.name.replace('"', '""') + '"'
        head = f"{self.tax_id},{self.kind},{name},{self.email.lower()},{self.country},{self.born},{self.amount}"
        return f"{head},{self.external_id},{self.notes},{number}\n"


def write(rows: int, messy: Path, clean: Path, first: int = 0, *, changed: bool = False) -> Made:
    """Writes the messy file and the clean one, and says what is in them: about 110 bytes a row, 2 % bad, 1 % duplicates.

    Files with another `first` (a multiple of the rows) share no key. `changed` is the same file with another amount in each tenth row.
    """
    counts = dict.fromkeys(_Fate, 0)
    others = 0
    with messy.open("w", encoding="utf-8", newline="") as one, clean.open("w", encoding="utf-8", newline="") as other:
        one.write(f"{HEADER}\r\n")
        for number, (line, fate, row) in enumerate(_rows(first, rows, changed), 1):
            one.write(f"{line}\r\n")
            counts[fate] += 1
            if fate is _Fate.CLEAN:
                other.write(row.cleaned(number))
                others += changed and _is_other(first + number - 1)
    return Made(rows, counts[_Fate.BAD], counts[_Fate.DUPLICATE], messy.stat().st_size, others)


def tax_id(index: str) -> str:
    """The key of a row as an SQL expression of its index, the same as in a file; no two indexes below 10¹¹ share one."""
    return f"lpad((({index} * {FACTOR} + {SHIFT}) % {IDS})::text, 11, '0')"


def _is_other(index: int) -> bool:
    return index % 10 == 3


def _rows(first: int, rows: int, changed: bool) -> Iterator[tuple[str, _Fate, _Row]]:  # noqa: FBT001  # handed through as it is
    chance = random.Random(SEED)
    names = [_name(chance) for _ in range(NAMES)]
    good: list[str] = []
    for index in range(first, first + rows):
        row = _row(index, names, chance, changed and _is_other(index))
        draw = chance.random()
        if draw < BAD_SHARE:
            yield _spoiled(row, FAULTS[int(draw / BAD_SHARE * len(FAULTS))], index), _Fate.BAD, row
        elif draw < BAD_SHARE + DUPLICATE_SHARE and good:
            near = draw < BAD_SHARE + DUPLICATE_SHARE / 2  # half of them repeat a key of the same block
            earlier = good[-1 - chance.randrange(min(500, len(good)))] if near else good[chance.randrange(len(good))]
            yield replace(row, tax_id=earlier).line, _Fate.DUPLICATE, row
        else:
            good.append(row.tax_id)
            yield row.line, _Fate.CLEAN, row


def _name(chance: random.Random) -> str:
    return " ".join("".join(chance.choice(SYLLABLES) for _ in range(chance.randint(2, 3))).title() for _ in range(2))


def _row(index: int, names: list[str], chance: random.Random, more: int) -> _Row:
    """The entity of an index; `more` are cents on top of its amount."""
    base = names[index * 7919 % NAMES]
    person = chance.random() < 0.6
    name, cell = _named(base, chance.random(), names[index % NAMES], person=person)
    email = f"{base.split()[0]}.{index}@Example{index % 97}.com"
    day, month, year = 1 + index % 28, 1 + index % 12, 1940 + index % 65
    cents = (index * 7919 + more) % 100000000
    country, code = COUNTRIES[index * 31 % len(COUNTRIES)]
    return _Row(
        tax_id=f"{(index * FACTOR + SHIFT) % IDS:011d}",
        kind="person" if person else "company",
        name=name,
        name_cell=cell,
        email=email,
        email_cell=f" {email} " if index % 10 == 9 else email,
        country=code,
        country_cell=country,
        born=f"{year}-{month:02d}-{day:02d}" if person else "",
        born_cell=f"{day:02d}/{month:02d}/{year}" if person else "",
        amount=f"{cents // 100}.{cents % 100:02d}",
        amount_cell=f"{cents // 100:,}".replace(",", ".") + f",{cents % 100:02d}",
        external_id=f"EXT-{index:09d}",
        notes=("imported from legacy system", "", "", "vip")[index % 4],
    )


def _named(base: str, draw: float, other: str, *, person: bool) -> tuple[str, str]:
    """The name and its cell: now and then with a line end, or with delimiter and quotes in it."""
    if draw < 0.001:
        return f"{base}\nc/o {other}", f'"{base}\nc/o {other}"'
    if draw < 0.02:
        short = base.split(maxsplit=1)[0]
        return f'{base}; "{short}" Ltda', f'"{base}; ""{short}"" Ltda"'
    name = base if person else f"{base} S.A."
    return name, name


def _spoiled(row: _Row, fault: str, index: int) -> str:
    """The line of a row with one fault in it."""
    if fault == "ragged":
        return f"{row.line};surplus" if index % 2 else row.line.rsplit(";", 2)[0]
    changes = {
        "required": {"tax_id": ""},
        "pattern": {"tax_id": f"{row.tax_id[:5]}X{row.tax_id[6:]}"},
        "enum": {"kind": "alien"},
        "email": {"email_cell": "not-an-email"},
        "date": {"born_cell": "31/02/1990"},
        "number": {"amount_cell": "12,3x"},
        "range": {"amount_cell": "-5,00"},
        "country": {"country_cell": "Atlantis"},
        "rule": {"kind": "person", "born_cell": ""},
    }
    return replace(row, **changes[fault]).line
