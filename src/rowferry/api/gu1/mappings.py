"""Routes of saved mappings: which column of a file goes to which field."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from rowferry.api.gu1.bodies import MappingBody, MappingPatch
from rowferry.api.gu1.columns import translated
from rowferry.api.gu1.document import MAPPING_PARAMETER, done, problems, shown
from rowferry.api.gu1.rights import may_read, may_send, reader
from rowferry.api.gu1.saved import schema_of
from rowferry.api.gu1.shapes import mapping_shape
from rowferry.api.gu1.words import TARGETS
from rowferry.api.wire.addresses import uuid_of
from rowferry.api.wire.bodies import json_of
from rowferry.api.wire.caller import caller, services_of
from rowferry.api.wire.models import checked
from rowferry.api.wire.openapi import body
from rowferry.api.wire.replies import json_answer
from rowferry.domain.access import Principal
from rowferry.service.mappings import MappingWish, SavedMapping

router = APIRouter(tags=["mappings"])

ADDRESS = "/batch-import/mappings"
ONE = ADDRESS + "/{mapping_id}"
BODY_BYTES_MAX = 1_000_000


@router.get(
    ADDRESS,
    operation_id="list_mappings",
    summary="All saved mappings",
    responses=problems("any") | shown("MappingList"),
)
async def list_mappings(request: Request) -> Response:
    principal = await reader(request)
    found = await services_of(request).mappings.all(principal)
    return json_answer({"mappings": [mapping_shape(one) for one in found]})


@router.post(
    ADDRESS,
    status_code=201,
    operation_id="create_mapping",
    summary="Save a mapping",
    description="A path names a field in camelCase or snake_case. A transform is taken where the field does the same by itself.",
    responses=problems("body") | done("MappingAnswer", 201, "It is saved."),
    openapi_extra=body("MappingBody", "The mapping."),
)
async def create_mapping(request: Request) -> Response:
    principal = await caller(request)
    may_read(principal)
    asked = checked(MappingBody, await json_of(request, BODY_BYTES_MAX))
    wish = await _judged(request, principal, asked)
    return _answer(await services_of(request).mappings.save(principal, wish), 201)


@router.get(
    ONE,
    operation_id="get_mapping",
    summary="A saved mapping",
    responses=problems("mapping") | shown("MappingAnswer"),
    openapi_extra={"parameters": [MAPPING_PARAMETER]},
)
async def get_mapping(request: Request) -> Response:
    principal = await reader(request)
    return _answer(await services_of(request).mappings.get(principal, _id_of(request)))


@router.patch(
    ONE,
    operation_id="change_mapping",
    summary="Change a mapping",
    responses=problems("change") | done("MappingAnswer"),
    openapi_extra={"parameters": [MAPPING_PARAMETER], **body("MappingPatch", "What shall change; the rest stays.")},
)
async def change_mapping(request: Request) -> Response:
    principal = await caller(request)
    may_read(principal)
    mapping_id = _id_of(request)
    asked = checked(MappingPatch, await json_of(request, BODY_BYTES_MAX))
    old = mapping_shape(await services_of(request).mappings.get(principal, mapping_id))
    old.pop("id")
    changed = checked(MappingBody, old | asked.model_dump(by_alias=True, exclude_unset=True))
    wish = await _judged(request, principal, changed)
    return _answer(await services_of(request).mappings.change(principal, mapping_id, wish))


@router.delete(
    ONE,
    operation_id="delete_mapping",
    summary="Delete a mapping",
    description="Jobs that were made with it keep what it said.",
    responses=problems("mapping") | done("Deleted", description="It is gone."),
    openapi_extra={"parameters": [MAPPING_PARAMETER]},
)
async def delete_mapping(request: Request) -> Response:
    principal = await caller(request)
    may_read(principal)
    mapping_id = _id_of(request)
    found = await services_of(request).mappings.get(principal, mapping_id)
    if found.target in TARGETS:
        may_send(principal, TARGETS[found.target])
    await services_of(request).mappings.delete(principal, mapping_id)
    return json_answer({"ok": True})


async def _judged(request: Request, principal: Principal, asked: MappingBody) -> MappingWish:
    """The mapping as it is kept.

    Raises:
        Forbidden: the caller may not send what it is for.
        Invalid: it does not fit the kind.
    """
    kind = TARGETS[asked.target]
    may_send(principal, kind)
    translated(asked.column_mapping, asked.default_fields, asked.target, await schema_of(request, principal, kind))
    return MappingWish(asked.name, asked.target, asked.column_mapping, asked.default_fields, asked.headers_snapshot)


def _answer(mapping: SavedMapping, status: int = 200) -> Response:
    return json_answer({"mapping": mapping_shape(mapping)}, status)


def _id_of(request: Request) -> UUID:
    return uuid_of(str(request.path_params["mapping_id"]), "mapping")
