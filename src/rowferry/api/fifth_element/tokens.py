"""The route that makes a key for the caller."""

from starlette.requests import Request
from starlette.responses import Response

from rowferry.api.fifth_element.bodies import TokenBody
from rowferry.api.fifth_element.limits import admitted
from rowferry.api.fifth_element.replies import NO_STORE
from rowferry.api.fifth_element.shapes import success, token_shape
from rowferry.api.wire.bodies import json_of
from rowferry.api.wire.caller import services_of
from rowferry.api.wire.models import checked
from rowferry.api.wire.replies import json_answer
from rowferry.api.wire.transfer import now

TOKEN_BYTES_MAX = 10_000


async def create_token(request: Request) -> Response:
    """A key of the caller's own user with its scopes and its end; its secret is in the answer and nowhere else."""
    principal = await admitted(request)
    asked = checked(TokenBody, await json_of(request, TOKEN_BYTES_MAX))
    made = await services_of(request).access.create_key(principal, asked.name)
    return json_answer(success(token_shape(made, asked.name, now())), headers=NO_STORE)
