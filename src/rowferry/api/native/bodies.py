"""What callers of the native API may send as JSON, checked member by member."""

import re
from datetime import datetime
from typing import Annotated, cast

from pydantic import AwareDatetime, BeforeValidator, Field
from pydantic.config import JsonDict

from rowferry.api.wire import models
from rowferry.api.wire.models import Metadata, Name, Priority, Text, checked, invalid
from rowferry.api.wire.options import ImportOptions
from rowferry.domain.access import NATIVE_SCOPES, Scope

__all__ = ["Body", "ImportOptions", "ImportRows", "TaskBody", "TaskOptions", "TokenBody", "checked", "invalid"]


DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d.*", re.ASCII)
SCOPE = {"anyOf": [{"enum": sorted({*Scope, *NATIVE_SCOPES})}, {"pattern": f"^{Scope.IMPORTS_WRITE}:.+$"}]}


def _date_time(value: object) -> object:
    """Refuses numbers, which would be taken for seconds since 1970."""
    if not isinstance(value, str) or DATE_TIME.fullmatch(value) is None:
        raise ValueError("Input should be a date and time as in RFC 3339")
    return value


class Body(models.Body):
    """A JSON body of the native API."""


class ImportRows(Body):
    """An import whose rows come in the body. `rows` is read apart, row by row."""

    kind: Name = Field(description="The import kind.", examples=["customers"])
    options: ImportOptions = ImportOptions()
    rows: list[dict[str, object]] = Field(
        description="The rows: objects of column and value. Numbers keep their exact text. `line` of an issue is the row's place in "
        "this array, from 1; an object without any content is no row and has no number of its own."
    )


class TaskOptions(Body):
    """The options of a task."""

    priority: Priority = 0
    metadata: Metadata = Field(default={})


class TaskBody(Body):
    """A job of a task kind."""

    kind: Name = Field(description="The task kind.", examples=["export"])
    params: dict[str, object] = Field(
        default={}, description="What the kind asks for; see its `params` under /v1/kinds."
    )
    options: TaskOptions = TaskOptions()


class TokenBody(Body):
    """A token to be made for the caller's own tenant."""

    user: Annotated[Text, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="Whose token it is; made if new. Null: the caller's own."
    )
    name: Annotated[Text, Field(max_length=100)] = Field(default="", description="What the token is for.")
    scopes: list[Annotated[Text, Field(max_length=100, json_schema_extra=cast("JsonDict", SCOPE))]] = Field(
        min_length=1, max_length=50, description="What it may do, for example `jobs:read`."
    )
    expires_at: Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_date_time)] | None = Field(
        default=None, description="When it ends. Null: never."
    )

    def ends_at(self) -> datetime | None:
        """When the token ends."""
        return self.expires_at
