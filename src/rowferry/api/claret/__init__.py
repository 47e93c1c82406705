"""The dialect Claret: its words, its shapes, its routes, an application of its own over the same services."""

from rowferry.api.claret.document import document
from rowferry.api.claret.routes import build

__all__ = ["build", "document"]
