"""Puts the dialects side by side, and serves what belongs to none: health, metrics, the OpenAPI document, its page."""

import html
import re
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NoReturn, cast

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Match, Mount, NoMatchFound, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from rowferry.api import claret, fifth_element, gu1
from rowferry.api.native import app as native
from rowferry.api.native import document
from rowferry.api.native import jobs as native_jobs
from rowferry.api.native.replies import broken
from rowferry.api.wire.caller import BatchLimits, Gate, Limiter, gate_of, services_of
from rowferry.api.wire.envelope import Envelope, Heads
from rowferry.api.wire.openapi import path_parameter, ref
from rowferry.api.wire.pages import PAGE_HEADERS, framed, page
from rowferry.api.wire.refusals import STATUS
from rowferry.api.wire.replies import json_answer
from rowferry.domain.faults import Refusal, Unauthenticated
from rowferry.service import Services
from rowferry.telemetry import Fleet, Meters

HOUR_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Rates:
    """How often a token may ask, how long an answer may be waited for, how much a batch may bring; see the settings of the same names."""

    requests_per_minute: int = 300_000
    submits_per_minute: int = 6_000
    wait_seconds_max: float = 60.0
    logins_per_minute: int = 10
    requests_per_hour: int = 10_000
    batches: BatchLimits = field(default_factory=BatchLimits)


def build(services: Services, rates: Rates, meters: Meters, metrics_token: str | None = None) -> Starlette:
    """The whole application; its lifespan opens what the services need.

    Args:
        services: the use cases.
        rates: the limits of a token.
        meters: what this process counts.
        metrics_token: what a scrape must bring; None: everybody may scrape.
    """
    gate = Gate(
        services,
        Limiter("requests", rates.requests_per_minute),
        Limiter("submits", rates.submits_per_minute),
        Limiter("logins", rates.logins_per_minute),
        Limiter("hourly", rates.requests_per_hour, HOUR_SECONDS),
        rates.wait_seconds_max,
        meters,
        rates.batches,
    )
    inner = native.build(gate)
    app = Starlette(
        routes=[
            *(Face(dialect.addresses, dialect.build(gate)) for dialect in DIALECTS),
            # The hot route goes past FastAPI, whose layers cost as much again as the answer; its twin there is described.
            Route("/v1/jobs/{job_id}", native_jobs.get_job),
            Mount("/v1", inner),
            Route("/livez", live),
            Route("/readyz", ready),
            Route("/metrics", metrics),
            Route("/openapi.json", openapi),
            Route("/openapi/{dialect}.json", dialect_openapi),
            Route("/docs", docs),
            Route("/docs/problems/{code}", problem),
        ],
        middleware=[Middleware(Envelope, meters=meters, broken=broken), Middleware(Heads)],
        exception_handlers={
            HTTPException: native.refuse_address,
            Refusal: native.refuse,
        },
        lifespan=running,
    )
    app.router.redirect_slashes = False
    app.state.gate = gate
    app.state.metrics_token = metrics_token
    app.state.document = document.document(inner, OPERATION)
    return app


class Face(BaseRoute):
    """Gives a dialect's application the requests whose whole path fits, as they came: a mount would cut the path."""

    def __init__(self, addresses: re.Pattern[str], app: ASGIApp) -> None:
        self._addresses = addresses
        self._app = app

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        fits = scope["type"] == "http" and self._addresses.match(scope["path"])
        return (Match.FULL if fits else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: object) -> NoReturn:
        raise NoMatchFound(name, dict(path_params))


@dataclass(frozen=True, slots=True)
class Dialect:
    """A dialect beside the native one, and which addresses are its own."""

    name: str
    addresses: re.Pattern[str]
    build: Callable[[Gate], ASGIApp]
    document: Callable[[], Mapping[str, object]]


DIALECTS = (
    Dialect(
        "fifth-element",
        re.compile(r"/v1/(?:api|documentation)(?:/|$)"),
        fifth_element.build,
        fifth_element.document,
    ),
    Dialect("gu1", re.compile(r"/(?:batch-import|entities|transactions)(?:/|$)"), gu1.build, gu1.document),
    Dialect("claret", re.compile(r"/(?!v1/)[^/]+/(?:api/v1|download|settings)(?:/|$)"), claret.build, claret.document),
)
"""In the order in which an address is tried."""


@asynccontextmanager
async def running(app: Starlette) -> AsyncGenerator[None, None]:
    """Opens the pools and listens to changes while the server runs."""
    async with cast("Gate", app.state.gate).services.running():
        yield


async def live(_: Request) -> Response:
    """The process runs."""
    return json_answer({"status": "live"})


async def ready(request: Request) -> Response:
    """Whether requests can be served."""
    condition = await services_of(request).health.condition()
    shape = {
        "status": "ready" if condition.ready else "not ready",
        "database": condition.database,
        "migrations": condition.migrated,
        "workers": condition.workers,
    }
    return json_answer(shape, 200 if condition.ready else 503)


async def metrics(request: Request) -> Response:
    """The installation's state and this process's counts, for Prometheus."""
    gate = gate_of(request)
    wanted = cast("str | None", request.app.state.metrics_token)
    sent = request.headers.get("authorization", "")
    if wanted is not None and not secrets.compare_digest(sent.encode(), f"Bearer {wanted}".encode()):
        raise Unauthenticated(reason="Metrics are for whoever has ROWFERRY_METRICS_TOKEN.", sent=bool(sent))
    counts = await gate.services.health.counts()
    fleet = Fleet(counts.jobs, counts.finished, counts.rows, counts.workers, counts.oldest_waiting_seconds)
    text = gate.meters.exposition(fleet)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


async def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return Response(orjson.dumps(request.app.state.document), media_type="application/json")


async def dialect_openapi(request: Request) -> Response:
    """The OpenAPI document of a dialect."""
    for dialect in DIALECTS:
        if dialect.name == request.path_params["dialect"]:
            return Response(orjson.dumps(dialect.document()), media_type="application/json")
    raise HTTPException(404)


async def docs(request: Request) -> Response:
    """The routes on one page, without a script and without another host."""
    return HTMLResponse(page(request.app.state.document, "/openapi.json"), headers=PAGE_HEADERS)


async def problem(request: Request) -> Response:
    """What a code of a problem means; the `type` of problems leads here."""
    code = str(request.path_params["code"])
    found = next((refusal for refusal in Refusal.__subclasses__() if refusal.code == code), None)
    if found is None:
        raise HTTPException(404)
    said = html.escape(found.sentence)
    body = (
        f"<h1>{html.escape(found.title)}</h1><p><code>{found.code}</code>, HTTP {STATUS[found.code]:d}</p><p>{said}</p>"
    )
    return HTMLResponse(framed(found.title, body), headers=PAGE_HEADERS)


def _operation(
    operation_id: str, summary: str, responses: Mapping[str, object], *parameters: Mapping[str, object]
) -> dict[str, object]:
    shared = {"operationId": operation_id, "summary": summary, "tags": ["operation"], "security": []}
    return {"get": shared | {"responses": responses} | ({"parameters": list(parameters)} if parameters else {})}


OPERATION: Mapping[str, object] = {
    "/livez": _operation(
        "live",
        "The process runs",
        {
            "200": {
                "description": "It does.",
                "content": {"application/json": {"schema": {"type": "object"}, "example": {"status": "live"}}},
            }
        },
    ),
    "/readyz": _operation(
        "ready",
        "Requests can be served",
        {
            "200": {"description": "They can.", "content": {"application/json": {"schema": ref("Readiness")}}},
            "503": {
                "description": "They cannot.",
                "content": {"application/json": {"schema": ref("Readiness")}},
            },
        },
    ),
    "/metrics": _operation(
        "metrics",
        "Counts for Prometheus",
        {
            "200": {
                "description": "Text exposition format.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            },
            "401": {
                "description": "The operator asks for a token, and it was not sent.",
                "content": {document.PROBLEM: {"schema": ref("Problem")}},
            },
        },
    ),
    "/openapi.json": _operation(
        "openapi",
        "This document",
        {"200": {"description": "OpenAPI 3.1.", "content": {"application/json": {"schema": {"type": "object"}}}}},
    ),
    "/docs/problems/{code}": _operation(
        "problem",
        "What a code of a problem means",
        {
            "200": {"description": "HTML.", "content": {"text/html": {"schema": {"type": "string"}}}},
            "404": {
                "description": "There is no such code.",
                "content": {document.PROBLEM: {"schema": ref("Problem")}},
            },
        },
        path_parameter("code", "A stable code.", {"type": "string"}) | {"example": "empty-file"},
    ),
    "/docs": _operation(
        "docs",
        "The routes on a page",
        {"200": {"description": "HTML.", "content": {"text/html": {"schema": {"type": "string"}}}}},
    ),
}
