"""What every OpenAPI document must keep, whatever it describes: examples that fit their schemas, references that lead somewhere."""

import json
from collections.abc import Iterator, Set

import httpx2
from jsonschema import Draft202012Validator


def operations(document: dict) -> Iterator[tuple[str, dict]]:
    """Each operation with its method and path."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method} {path}", operation


def validator(document: dict, schema: dict) -> Draft202012Validator:
    return Draft202012Validator(schema | {"components": document["components"]})


def fitting_examples(document: dict) -> int:
    """How many examples there are, at schemas of the paths and in the components, each of which fits its schema."""
    schemas = document["components"]["schemas"].values()
    for schema in schemas:
        Draft202012Validator.check_schema(schema)
    pairs = [*_shown(document["paths"]), *((schema, one) for schema in schemas for one in schema.get("examples", ()))]
    for schema, example in pairs:
        validator(document, schema).validate(example)
    return len(pairs)


def _shown(node: object) -> Iterator[tuple[dict, object]]:
    if isinstance(node, dict):
        if isinstance(node.get("schema"), dict):
            shown = [one["value"] for one in node.get("examples", {}).values()]
            shown += [node["example"]] if "example" in node else []
            yield from ((node["schema"], one) for one in shown)
        node = list(node.values())
    for one in node if isinstance(node, list) else ():
        yield from _shown(one)


def without_example(document: dict) -> list[str]:
    """The operations with a JSON body or answer that has no example."""
    found = []
    for name, operation in operations(document):
        contents = [*operation["responses"].values(), operation.get("requestBody", {})]
        described = [content["content"].get("application/json") for content in contents if "content" in content]
        found += [name for one in described if one and not ("example" in one or one.get("examples"))]
    return found


def unreferenced(document: dict) -> Set[str]:
    """The schemas that nothing refers to; fails where a reference leads nowhere."""
    text = json.dumps(document)
    used = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    known = set(document["components"]["schemas"])
    assert used <= known
    assert "HTTPValidationError" not in text
    return known - used


def fits(document: dict, path: str, method: str, answer: httpx2.Response) -> None:
    """A real answer is good and as the document says."""
    assert answer.status_code < 300, answer.text
    schema = document["paths"][path][method]["responses"][str(answer.status_code)]["content"]["application/json"]
    validator(document, schema["schema"]).validate(answer.json())
