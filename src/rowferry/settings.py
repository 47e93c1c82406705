"""Every setting: name, unit, default, bounds; the only reader of the environment."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def default_data() -> Path:
    """Where data go when nothing is said: the system's folder for root, the user's own otherwise."""
    return Path("/var/lib/rowferry") if os.geteuid() == 0 else Path.home() / ".local/share/rowferry"


class Settings(BaseSettings):
    """All settings, each also an environment variable `ROWFERRY_` + its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="ROWFERRY_", extra="ignore", frozen=True, hide_input_in_errors=True)

    data: Path = Field(
        default_factory=default_data, description="Folder of the embedded database, the blobs and scratch files."
    )
    database_url: str | None = Field(
        None, description="An own PostgreSQL (15 or later), by a login that may create roles; None: the embedded one."
    )
    blobs_url: str | None = Field(
        None, description="Where files are kept: file://, s3://, gs://, az://; None: the folder `blobs` of `data`."
    )
    kinds: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Folders or files with kinds, `:` between them."
    )
    host: str = Field("127.0.0.1", description="Address that the server listens on.")
    port: int = Field(8080, ge=0, le=65535, description="Port that the server listens on; 0 takes a free one.")
    workers: int = Field(2, ge=1, le=64, description="Executor processes of a worker: how many jobs run at once.")
    lease_seconds: float = Field(15.0, ge=0.5, le=3600, description="How long a claim holds without renewal.")
    chunk_rows: int = Field(50_000, ge=1, le=1_000_000, description="Rows that commit together at most.")
    attempts_max: int = Field(3, ge=1, le=100, description="Attempts of a job before it ends as interrupted.")
    stall_seconds: float = Field(
        600.0, ge=1, description="A job without progress for so long is taken from its executor."
    )
    drain_seconds: float = Field(20.0, ge=0, description="How long a stop waits for the chunk under way.")
    upload_bytes_max: int = Field(5_000_000_000, ge=1, description="Size of an uploaded file at most.")
    json_bytes_max: int = Field(64_000_000, ge=1, description="Size of a JSON body at most.")
    unpacked_bytes_max: int = Field(
        10_000_000_000,
        ge=1,
        description="Size of what comes out of a packed file (gzip, zstd, zip) or of a workbook at most.",
    )
    unpacked_ratio_max: int = Field(
        500,
        ge=1,
        description="How many times as large as the packed file is what comes out at most; up to 64 MB may always come out.",
    )
    columns_max: int = Field(2_000, ge=1, description="Columns of a file at most.")
    record_bytes_max: int = Field(4_194_304, ge=1024, description="Size of one record at most.")
    parquet_pages_bytes_max: int = Field(
        160_000_000,
        ge=1_000_000,
        description="What the pages of a Parquet file that are read side by side, one of each column, unpack to at most.",
    )
    issues_max: int = Field(
        1_000_000, ge=1, description="Row issues of a job that are kept at most; the rest are counted."
    )
    disk_floor_bytes: int = Field(
        256_000_000, ge=0, description="Free space below which uploads are refused and jobs wait."
    )
    housekeeping_seconds: float = Field(
        3600.0,
        ge=1,
        description="How often a worker looks for what can be removed: files that no job names, keys past their time.",
    )
    orphan_hours: float = Field(
        24.0, ge=0.1, description="How old a stored file must be before it is removed because no job names it."
    )
    idempotency_hours: float = Field(24.0, gt=0, description="How long an Idempotency-Key is remembered.")
    requests_per_minute: int = Field(300_000, ge=1, description="Requests of one token a minute at most.")
    submits_per_minute: int = Field(
        6_000, ge=1, description="Requests of one token that create jobs, a minute at most."
    )
    proxies: str = Field(
        "",
        description="Addresses of proxies in front, with commas, whose X-Forwarded-For and X-Forwarded-Proto are believed; none by default.",
    )
    metrics_token: str | None = Field(
        None,
        min_length=16,
        description="What a scrape of `/metrics` must bring as bearer token; None: everybody may scrape.",
    )
    logins_per_minute: int = Field(
        10, ge=1, description="Tries to log in under one e-mail of a tenant, a minute at most."
    )
    login_days: float = Field(30.0, gt=0, description="How many days a token lasts that a password gave.")
    requests_per_hour: int = Field(
        10_000,
        ge=1,
        description="Requests of one token an hour at most in the dialect Fifth Element; reads of a job are not counted.",
    )
    batch_entities_max: int = Field(100_000, ge=1, description="Entities of one request in the dialect gu1 at most.")
    batch_transactions_max: int = Field(
        100_000, ge=1, description="Transactions of one request, or of one of its sources, in the dialect gu1 at most."
    )
    batch_events_max: int = Field(100_000, ge=1, description="User events of one request in the dialect gu1 at most.")
    batch_json_bytes_max: int = Field(50_000_000, ge=1, description="Size of a JSON body in the dialect gu1 at most.")
    batch_sources_bytes_max: int = Field(
        150_000_000, ge=1, description="Size of a JSON body with several sources in the dialect gu1 at most."
    )
    queued_max: int = Field(100_000, ge=1, description="Jobs of one tenant that wait at most.")
    wait_seconds_max: float = Field(60.0, ge=0, le=600, description="What `Prefer: wait` is cut to.")
    points: Path | None = Field(
        None, description="Unix socket of a fault test, to which processes report; None in production."
    )

    @field_validator("kinds", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part for part in value.split(":") if part) if isinstance(value, str) else value


LIBRARIES = {"POLARS_MAX_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""What the libraries of executors read. An executor has two busy threads of its own; more threads and arenas cost
memory and bring no speed (1 million rows on 2 cores: 30 to 60 MB less at the peak, the same time)."""


def settle_libraries() -> None:
    """Sets what libraries read from the environment when a process starts, unless the operator did. For processes started later."""
    for name, value in LIBRARIES.items():
        os.environ.setdefault(name, value)  # noqa: TID251  # this is the file that may
