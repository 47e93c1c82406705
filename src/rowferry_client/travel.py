"""How calls of the core become requests of httpx2, for both clients; which server and which token."""

import os
import uuid
from typing import IO, cast

import httpx2

from rowferry_client import core, errors

URL_DEFAULT = "http://127.0.0.1:8080"
CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
CHUNK = 1 << 16


def configured(url: str | None, token: str | None) -> tuple[str, str]:
    """The address and the token: as given, else of the environment.

    Raises:
        NotConfigured: there is no token.
    """
    environment = os.environ  # noqa: TID251  # the client is no part of the server and reads its own two variables
    url = url or environment.get("ROWFERRY_URL") or URL_DEFAULT
    token = token or environment.get("ROWFERRY_TOKEN")
    if not token:
        raise errors.NotConfigured("There is no token. Set ROWFERRY_TOKEN; `rowferry token create` makes one.")
    return url.rstrip("/"), token


def new_key() -> str:
    """An Idempotency-Key."""
    return str(uuid.UUID(bytes=os.urandom(16), version=4))


def limits(read_seconds: float) -> httpx2.Timeout:
    """How long to wait for a connection and for an answer."""
    return httpx2.Timeout(read_seconds, connect=CONNECT_SECONDS)


def request(client: httpx2.Client | httpx2.AsyncClient, call: core.Call) -> httpx2.Request:
    """The request of a call."""
    told = dict(call.headers)
    if call.sink is not None:
        told["Accept-Encoding"] = "identity"  # the digest is of the bytes as they travel
    if call.upload is None:
        return client.build_request(call.method, call.path, params=call.query, headers=told, content=call.body)
    files = {"file": (call.upload.name, cast(IO[bytes], call.upload))}
    return client.build_request(
        call.method, call.path, params=call.query, headers=told, data=dict(call.form or {}), files=files
    )


def headers(response: httpx2.Response) -> dict[str, str]:
    """The headers of an answer, names in lower case."""
    return {key.lower(): value for key, value in response.headers.items()}


def lost(error: httpx2.TransportError, url: str) -> core.Lost:
    """A fault of the network, as operations know it."""
    never_sent = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)
    return core.Lost(f"{url} cannot be reached: {error or type(error).__name__}", sent=not never_sent)
