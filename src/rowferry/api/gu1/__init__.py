"""The dialect gu1: its words, its shapes, its routes, an application of its own over the same services."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from rowferry.api.gu1 import document as documents
from rowferry.api.gu1 import failures, files, items, jobs, mappings
from rowferry.api.gu1.replies import (
    Fault,
    answer_address,
    answer_bug,
    answer_fault,
    answer_parameters,
    answer_refusal,
)
from rowferry.api.wire.caller import Gate
from rowferry.domain.faults import Refusal

__all__ = ["build", "document"]

ROUTERS = (files.router, items.router, jobs.router, failures.router, mappings.router)
ANSWERS = {
    Fault: answer_fault,
    Refusal: answer_refusal,
    RequestValidationError: answer_parameters,
    HTTPException: answer_address,
    Exception: answer_bug,
}
"""Who answers what goes wrong; each in the one shape of the dialect."""


def build(gate: Gate) -> ASGIApp:
    """The application; it gets its requests with the whole path, and answers every failure in its own shape."""
    inner = _described()
    inner.state.gate = gate
    # The hot route goes past FastAPI, whose layers cost as much again as the answer; its twin there is described.
    routes = [Route("/batch-import/jobs/{job_id}", jobs.get_job, methods=["GET"]), Mount("", inner)]
    app = Starlette(routes=routes, exception_handlers=ANSWERS)
    app.router.redirect_slashes = False
    app.state.gate = gate
    return app


def document() -> dict[str, object]:
    """The OpenAPI 3.1 document."""
    return documents.document(_described())


def _described() -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    for router in ROUTERS:
        app.include_router(router)
    for fault, answer in ANSWERS.items():
        app.add_exception_handler(fault, answer)
    return app
