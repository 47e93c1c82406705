"""The native application: its routes, and every refusal, bug and unknown address as problem details."""

from collections.abc import Sequence
from typing import cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from rowferry.api.native import admin, imports, jobs, tokens
from rowferry.api.native.replies import broken, refused
from rowferry.api.wire.caller import Gate
from rowferry.api.wire.models import invalid
from rowferry.domain.faults import Invalid, NotAcceptable, NotFound, Refusal

ROUTERS = (imports.router, jobs.router, admin.router, tokens.router)


def build(gate: Gate) -> FastAPI:
    """The application of `/v1`. It makes no document of its own; the outer application serves one for all."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, title="Rowferry")
    app.state.gate = gate
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(Refusal, refuse)
    app.add_exception_handler(RequestValidationError, refuse_parameters)
    app.add_exception_handler(HTTPException, refuse_address)
    app.add_exception_handler(Exception, break_down)
    return app


async def refuse(request: Request, error: Exception) -> Response:
    """What a use case refuses."""
    return refused(request, cast("Refusal", error))


async def refuse_parameters(request: Request, error: Exception) -> Response:
    """Query parameters that do not fit."""
    found = cast("RequestValidationError", error).errors()
    return refused(request, invalid(cast("Sequence[dict[str, object]]", found)))


async def refuse_address(request: Request, error: Exception) -> Response:
    """Addresses and methods that are not there."""
    fault = cast("HTTPException", error)
    if fault.status_code == 405:  # noqa: PLR2004  # Starlette's word for a wrong method
        return refused(request, NotAcceptable(method=request.method, allow=", ".join(_methods(request))))
    if fault.status_code == 404:  # noqa: PLR2004  # and for an unknown address
        return refused(request, NotFound(noun="address", name=request.url.path))
    return refused(request, Invalid(reason=f"{fault.detail}."))


async def break_down(request: Request, _error: Exception) -> Response:
    """A bug: it goes on to the log, and nothing of it to the caller."""
    return broken(request)


def _methods(request: Request) -> list[str]:
    """What the address takes. Starlette names the methods of the first route alone where several have one address."""
    found: set[str] = set()
    # FastAPI keeps an included router as one route, so the routers are asked themselves.
    for route in (*cast("Starlette", request.app).routes, *(one for router in ROUTERS for one in router.routes)):
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return sorted(found | {"HEAD"} if "GET" in found else found)
