"""What a request refers to that is stored: the look of its kind's rows, and saved mappings."""

from starlette.requests import Request

from rowferry.api.gu1.columns import Translation, translated
from rowferry.api.gu1.replies import Fault, wrong
from rowferry.api.gu1.words import MAPPING_NOT_FOUND, TARGETS, BatchKind
from rowferry.api.wire.addresses import uuid_of
from rowferry.api.wire.caller import services_of
from rowferry.domain.access import Principal
from rowferry.domain.faults import NotFound
from rowferry.domain.schema import Schema


async def schema_of(request: Request, principal: Principal, kind: BatchKind) -> Schema:
    """What rows of a kind look like, to this tenant."""
    return (await services_of(request).catalog.import_kind(principal, kind)).schema


async def saved_or_none(
    request: Request, principal: Principal, kind: BatchKind, name: str | None
) -> Translation | None:
    """The same where a request may name one."""
    return None if name is None else await saved(request, principal, kind, name)


async def saved(request: Request, principal: Principal, kind: BatchKind, name: str) -> Translation:
    """A saved mapping for a kind.

    Raises:
        Fault: there is none of that id here.
        Invalid: it is for another kind, or does not fit any more.
    """
    try:
        found = await services_of(request).mappings.get(principal, uuid_of(name, "mapping"))
    except NotFound as error:
        raise Fault(400, MAPPING_NOT_FOUND, str(error)) from None
    if TARGETS.get(found.target) != kind:
        raise wrong("/mappingId", f"The mapping {found.name} is for {found.target}, not for {kind}.")
    return translated(found.columns, found.defaults, found.target, await schema_of(request, principal, kind))
