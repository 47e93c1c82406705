"""Puts the dialects side by side, and serves what belongs to none: health, metrics, the OpenAPI document, its page."""

import html
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from rowferry.api.native import app as native
from rowferry.api.native import document
from rowferry.api.native import jobs as native_jobs
from rowferry.api.native.replies import broken, json_answer
from rowferry.api.wire.caller import Gate, Limiter, gate_of, services_of
from rowferry.api.wire.envelope import Envelope
from rowferry.api.wire.refusals import STATUS
from rowferry.domain.faults import Refusal
from rowferry.service import Services
from rowferry.telemetry import Fleet, Meters

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Rates:
    """How often a token may ask, and how long an answer may be waited for; see the settings of the same names."""

    requests_per_minute: int = 300_000
    submits_per_minute: int = 6_000
    wait_seconds_max: float = 60.0


def build(services: Services, rates: Rates, meters: Meters) -> Starlette:
    """The whole application; its lifespan opens what the services need.

    Args:
        services: the use cases.
        rates: the limits of a token.
        meters: what this process counts.
    """
    gate = Gate(
        services,
        Limiter("requests", rates.requests_per_minute),
        Limiter("submits", rates.submits_per_minute),
        rates.wait_seconds_max,
        meters,
    )
    inner = native.build(gate)
    app = Starlette(
        routes=[
            # The hot route goes past FastAPI, whose layers cost as much again as the answer; its twin there is described.
            Route("/v1/jobs/{job_id}", native_jobs.get_job),
            Mount("/v1", inner),
            Route("/livez", live),
            Route("/readyz", ready),
            Route("/metrics", metrics),
            Route("/openapi.json", openapi),
            Route("/docs", docs),
            Route("/docs/problems/{code}", problem),
        ],
        middleware=[Middleware(Envelope, meters=meters, broken=broken)],
        exception_handlers={
            HTTPException: native.refuse_address,
            Refusal: native.refuse,
        },
        lifespan=running,
    )
    app.router.redirect_slashes = False
    app.state.gate = gate
    app.state.document = document.document(inner, OPERATION)
    return app


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
    counts = await gate.services.health.counts()
    fleet = Fleet(counts.jobs, counts.finished, counts.rows, counts.workers, counts.oldest_waiting_seconds)
    text = gate.meters.exposition(fleet)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


async def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return Response(orjson.dumps(request.app.state.document), media_type="application/json")


async def docs(request: Request) -> Response:
    """The routes on one page, without a script and without another host."""
    return HTMLResponse(page(cast("Mapping[str, Any]", request.app.state.document)), headers=PAGE_HEADERS)


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


def framed(title: str, body: str) -> str:
    """A plain page."""
    style = (
        "body{font:16px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}td{padding:.2rem .8rem .2rem 0}"
    )
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{style}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>'


def page(made: Mapping[str, Any]) -> str:
    """The document as a plain page: each operation with what it does."""
    lines = [
        f"<tr><td><code>{method.upper()}</code></td><td><code>{html.escape(path)}</code></td>"
        f"<td>{html.escape(str(operation.get('summary', '')))}</td></tr>"
        for path, item in made["paths"].items()
        for method, operation in item.items()
    ]
    info = made["info"]
    about = html.escape(str(info["description"]))
    reference = '<p>The whole reference: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>'
    name = f"Rowferry API {info['version']}"
    return framed(name, f"<h1>{html.escape(name)}</h1><p>{about}</p>{reference}<table>{''.join(lines)}</table>")


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
            "200": {"description": "They can.", "content": {"application/json": {"schema": document.ref("Readiness")}}},
            "503": {
                "description": "They cannot.",
                "content": {"application/json": {"schema": document.ref("Readiness")}},
            },
        },
    ),
    "/metrics": _operation(
        "metrics",
        "Counts for Prometheus",
        {"200": {"description": "Text exposition format.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
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
                "content": {document.PROBLEM: {"schema": document.ref("Problem")}},
            },
        },
        document.path_parameter("code", "A stable code.", {"type": "string"}) | {"example": "empty-file"},
    ),
    "/docs": _operation(
        "docs",
        "The routes on a page",
        {"200": {"description": "HTML.", "content": {"text/html": {"schema": {"type": "string"}}}}},
    ),
}
