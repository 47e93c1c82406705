"""Who may do what in gu1: its own scopes, and those of the native API that say as much."""

from starlette.requests import Request

from rowferry.api.gu1.words import SCOPE_OF_BULK, SCOPES, BatchKind
from rowferry.api.wire.addresses import uuid_of
from rowferry.api.wire.caller import caller, count_submit
from rowferry.domain.access import Principal, Scope
from rowferry.domain.faults import Forbidden, NotFound
from rowferry.domain.job import JobId


async def reader(request: Request) -> Principal:
    """A caller who may read jobs, their failures and mappings.

    Raises:
        Unauthenticated, Forbidden, RateLimited: it is none.
    """
    principal = await caller(request)
    may_read(principal)
    return principal


async def sender(request: Request, kind: BatchKind) -> Principal:
    """A caller who may send batches of a kind; counted, since a job is made.

    Raises:
        Unauthenticated, Forbidden, RateLimited: it is none.
    """
    principal = await caller(request)
    may_send(principal, kind)
    count_submit(request, principal)
    return principal


def may_read(principal: Principal) -> None:
    """Refuses a caller with none of the scopes.

    Raises:
        Forbidden: it has none.
    """
    if not principal.may(Scope.JOBS_READ) and not any(principal.may_import(kind) for kind in BatchKind):
        raise Forbidden(scope=" or ".join(SCOPES.values()))


def may_send(principal: Principal, kind: BatchKind) -> None:
    """Refuses a caller who may not bring rows of a kind.

    Raises:
        Forbidden: it lacks the kind's scope.
    """
    if not principal.may_import(kind):
        raise Forbidden(scope=SCOPES[kind])


def may_control(principal: Principal, kind: BatchKind) -> None:
    """Refuses a caller who may not pause, resume and cancel batches of a kind.

    Raises:
        Forbidden: it lacks the kind's scope.
    """
    if not principal.may(Scope.JOBS_WRITE):
        may_send(principal, kind)


def may_send_bulk(principal: Principal) -> None:
    """Refuses a caller who may import entities, but no more than that.

    Raises:
        Forbidden: it lacks the other scope that a bulk needs.
    """
    if not principal.may(Scope.IMPORTS_WRITE) and SCOPE_OF_BULK not in principal.scopes:
        raise Forbidden(scope=SCOPE_OF_BULK)


async def job_id_of(request: Request) -> JobId:
    """The job that the path names.

    Raises:
        NotFound: the path names none. Who has no token hears that first.
    """
    try:
        return JobId(uuid_of(str(request.path_params["job_id"]), "job"))
    except NotFound:
        may_read(await caller(request))
        raise
