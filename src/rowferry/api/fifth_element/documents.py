"""The routes of repositories and the documents in them."""

from starlette.requests import Request
from starlette.responses import Response

from rowferry.api.fifth_element import words
from rowferry.api.fifth_element.bodies import DocumentBody
from rowferry.api.fifth_element.limits import admitted
from rowferry.api.fifth_element.queries import page_of
from rowferry.api.fifth_element.replies import exact_answer
from rowferry.api.fifth_element.shapes import document_shape, listed, repository_shape, success
from rowferry.api.fifth_element.submits import later
from rowferry.api.wire.addresses import uuid_of
from rowferry.api.wire.bodies import json_of, media_type
from rowferry.api.wire.caller import services_of
from rowferry.api.wire.models import checked
from rowferry.api.wire.replies import json_answer

DOCUMENT_BYTES_MAX = 16_000_000
"""A size that no body within the limits has, unless it writes most characters as escapes."""


async def list_repositories(request: Request) -> Response:
    """The tenant's repositories, oldest first."""
    principal = await admitted(request, words.SCOPES["read"])
    asked = page_of(request)
    found, total = await services_of(request).documents.repositories(principal, asked.start, asked.limit)
    shapes = [repository_shape(one) for one in found]
    return json_answer(listed("repositories", shapes, total, asked.start, asked.limit))


async def list_documents(request: Request) -> Response:
    """The documents of a repository, oldest first."""
    principal = await admitted(request, words.SCOPES["read"])
    asked = page_of(request)
    repository = uuid_of(str(request.path_params["repository_id"]), "repository")
    found, total = await services_of(request).documents.documents(principal, repository, asked.start, asked.limit)
    return exact_answer(listed("documents", [document_shape(one) for one in found], total, asked.start, asked.limit))


async def create_document(request: Request) -> Response:
    """Stores a document that is sent as JSON. A file is for processing, which comes later."""
    principal = await admitted(request, words.SCOPES["document"])
    services = services_of(request)
    repository = uuid_of(str(request.path_params["repository_id"]), "repository")
    if media_type(request) == "multipart/form-data":
        await services.documents.documents(principal, repository, 0, 0)  # one that is not there is told first
        raise later(words.DOCUMENT_PROCESSING)
    limit = min(DOCUMENT_BYTES_MAX, services.imports.limits.json_bytes_max)
    asked = checked(DocumentBody, await json_of(request, limit))
    made = await services.documents.add(principal, repository, asked.title, asked.content, asked.metadata)
    return exact_answer(success(document_shape(made)))
