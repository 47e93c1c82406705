"""The dialect Fifth Element: its words, its shapes, its routes, an application of its own over the same services."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from rowferry.api.fifth_element import documents, jobs, submits, tokens
from rowferry.api.fifth_element.document import document
from rowferry.api.fifth_element.limits import Limits
from rowferry.api.fifth_element.replies import break_down, refuse, refuse_address
from rowferry.api.fifth_element.words import BASE
from rowferry.api.wire.caller import Gate
from rowferry.api.wire.pages import PAGE_HEADERS, page
from rowferry.domain.faults import Refusal

__all__ = ["build", "document"]

DOCUMENTS = f"{BASE}/repositories/{{repository_id}}/documents"


def build(gate: Gate) -> ASGIApp:
    """The application; it gets its requests with the whole path, and answers every failure in its own shape."""
    app = Starlette(
        routes=[
            Route(f"{BASE}/jobs/{{job_id}}", jobs.get_job),
            Route(f"{BASE}/jobs/{{job_id}}/cancel", jobs.cancel_job, methods=["POST"]),
            Route(f"{BASE}/jobs/{{job_id}}/rerun", jobs.rerun_job, methods=["POST"]),
            Route(f"{BASE}/jobs/{{job_id}}/file", jobs.download_file),
            Route(f"{BASE}/jobs", jobs.list_jobs),
            Route(f"{BASE}/jobs", submits.create_job, methods=["POST"]),
            Route(f"{BASE}/user-api-tokens", tokens.create_token, methods=["POST"]),
            Route(f"{BASE}/repositories", documents.list_repositories),
            Route(DOCUMENTS, documents.list_documents),
            Route(DOCUMENTS, documents.create_document, methods=["POST"]),
            Route("/v1/documentation", show_documentation),
        ],
        exception_handlers={Refusal: refuse, HTTPException: refuse_address, Exception: break_down},
    )
    app.router.redirect_slashes = False
    app.state.gate = gate
    return Limits(app, gate.hourly)


async def show_documentation(_: Request) -> Response:
    """The routes on one page."""
    return HTMLResponse(page(document(), "/openapi/fifth-element.json"), headers=PAGE_HEADERS)
