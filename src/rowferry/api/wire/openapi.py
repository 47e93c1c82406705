"""Pieces of an OpenAPI 3.1 document that every dialect's own is put together from."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

JSON = "application/json"
Responses = dict[int | str, dict[str, Any]]


def answer(
    description: str, model: type[BaseModel] | None = None, media_types: Mapping[str, object] | None = None
) -> dict[str, Any]:
    """One answer of a route: JSON of a model, or bytes of some media types."""
    content: dict[str, object] = {}
    if model is not None:
        content[JSON] = {"schema": ref(model.__name__)}
    for media_type, schema in (media_types or {}).items():
        content[media_type] = {"schema": schema}
    return {"description": description, "content": content} if content else {"description": description}


def ref(name: str) -> dict[str, str]:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def body(model: str, description: str, *, required: bool = True) -> dict[str, Any]:
    """A JSON request body, for `openapi_extra`."""
    return {
        "requestBody": {"description": description, "required": required, "content": {JSON: {"schema": ref(model)}}}
    }


def path_parameter(name: str, description: str, schema: Mapping[str, object]) -> dict[str, Any]:
    """A parameter of the path that the route reads itself."""
    return {"name": name, "in": "path", "required": True, "description": description, "schema": dict(schema)}


def header_parameter(name: str, description: str, shown: str, most: int | None = None) -> dict[str, Any]:
    """A header that the route reads itself; one without a most of characters is left alone where it does not fit."""
    schema: dict[str, object] = {"type": "string"}
    if most is not None:
        schema["maxLength"] = most
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": schema,
        "example": shown,
    }


def show(node: object, shown: Mapping[str, object]) -> None:
    """Puts the example of its schema beside each JSON body. Done to the made document, since FastAPI takes nulls out of what it is given."""
    if isinstance(node, list):
        for one in cast("list[object]", node):
            show(one, shown)
    elif isinstance(node, dict):
        members = cast("dict[str, object]", node)
        schema = members.get("schema")
        if isinstance(schema, dict) and len(cast("dict[str, object]", schema)) == 1:
            name = str(cast("dict[str, object]", schema).get("$ref", "")).rpartition("/")[2]
            if name in shown:
                members["example"] = shown[name]
        for one in members.values():
            show(one, shown)


def schemas(answers: type[BaseModel], bodies: type[BaseModel]) -> dict[str, dict[str, object]]:
    """The JSON Schemas of all models below the two, by name."""
    modelled = [(model, "serialization") for model in _below(answers)]
    modelled += [(model, "validation") for model in _below(bodies)]
    _, made = models_json_schema(cast("Any", modelled), ref_template="#/components/schemas/{model}")
    return cast("dict[str, dict[str, object]]", made["$defs"])


def _below(parent: type[BaseModel]) -> Iterable[type[BaseModel]]:
    for child in parent.__subclasses__():
        yield child
        yield from _below(child)
