"""The client of Rowferry for other people's programs; it imports nothing of the server."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rowferry_client.aio import AsyncClient
    from rowferry_client.sync import Client

__all__ = ["AsyncClient", "Client"]


def __getattr__(name: str) -> object:
    """Loads the clients when they are asked for, so that commands that need none start at once."""
    rooms = {"AsyncClient": "rowferry_client.aio", "Client": "rowferry_client.sync"}
    if name not in rooms:
        raise AttributeError(name)
    return getattr(import_module(rooms[name]), name)
