"""Routes of tokens: made, listed, revoked."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from rowferry.api.native import answers, bodies, examples
from rowferry.api.native.document import problems
from rowferry.api.native.parameters import TOKENS_PAGE, Paged
from rowferry.api.native.shapes import list_shape, token_shape
from rowferry.api.wire import transfer
from rowferry.api.wire.addresses import uuid_of
from rowferry.api.wire.bodies import json_of
from rowferry.api.wire.caller import caller, services_of
from rowferry.api.wire.openapi import answer, body, path_parameter
from rowferry.api.wire.paging import Binding
from rowferry.api.wire.replies import json_answer
from rowferry.domain import faults
from rowferry.domain.access import Scope
from rowferry.service.access import TokenWish

router = APIRouter()

TOKEN_BYTES_MAX = 100_000
TOKEN_PARAMETER = path_parameter("token_id", "The id of a token.", {"type": "string", "format": "uuid"})


@router.post(
    "/tokens",
    status_code=201,
    operation_id="create_token",
    tags=["administration"],
    summary="Make a token of the caller's own tenant",
    description="The secret is in this answer and never again; what is kept is its digest.",
    responses=problems(
        examples.invalid("There is no scope jobs:eat.", "/scopes/0"),
        faults.MalformedJson(part="The body", reason="Expecting value: line 1 column 1 (char 0)."),
        faults.TooLarge(what="The body", limit=TOKEN_BYTES_MAX),
        faults.UnsupportedMedia(media_type="text/plain", accepted="application/json"),
    )
    | {201: answer("The token.", answers.TokenAnswer)},
    openapi_extra=body("TokenBody", "Whose token, what it may do, and until when."),
)
async def create_token(request: Request) -> Response:
    principal = await caller(request, Scope.ADMIN)
    wish = bodies.checked(bodies.TokenBody, await json_of(request, TOKEN_BYTES_MAX))
    made = await services_of(request).access.create_token(
        principal, TokenWish(wish.user, wish.name, tuple(wish.scopes), wish.expires_at)
    )
    shape = {
        "id": str(made.id),
        "token": made.secret,
        "user": made.user,
        "name": wish.name,
        "scopes": wish.scopes,
        "expires_at": transfer.stamp(wish.expires_at),
    }
    return json_answer(shape, 201, {"Cache-Control": "no-store"})


@router.get(
    "/tokens",
    operation_id="list_tokens",
    tags=["administration"],
    summary="The tenant's tokens, oldest first",
    description="Those that have expired or were revoked stay in the list. No secret is shown: none is kept.",
    responses=problems(examples.bad_page()) | {200: answer("A page of tokens.", answers.TokenList)},
)
async def list_tokens(request: Request, asked: Annotated[Paged, Query()]) -> Response:
    principal = await caller(request, Scope.ADMIN)
    size, binding = TOKENS_PAGE.of(asked.page_size), Binding(principal.tenant, "tokens")
    after = binding.position(asked.page_token)
    found = await services_of(request).access.tokens(
        principal, UUID(after) if isinstance(after, str) else None, size + 1
    )
    following = binding.token(str(found[size - 1].id)) if len(found) > size else None
    return json_answer(list_shape("tokens", [token_shape(one) for one in found[:size]], following))


@router.delete(
    "/tokens/{token_id}",
    operation_id="revoke_token",
    tags=["administration"],
    summary="End a token at once",
    description="Its next request is refused. Once more changes nothing. A token may end itself.",
    responses=problems(examples.no_token()) | {200: answer("The token as it is now.", answers.TokenEntry)},
    openapi_extra={"parameters": [TOKEN_PARAMETER]},
)
async def revoke_token(request: Request) -> Response:
    principal = await caller(request, Scope.ADMIN)
    token_id = uuid_of(str(request.path_params["token_id"]), "token")
    return json_answer(token_shape(await services_of(request).access.revoke_token(principal, token_id)))
