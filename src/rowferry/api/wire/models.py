"""How a JSON body is checked member by member, with every fault and its place."""

from collections.abc import Mapping, Sequence
from typing import Annotated, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rowferry.domain.faults import Invalid, Pointed
from rowferry.domain.options import PRIORITY_LIMIT

B = TypeVar("B", bound=BaseModel)
FAULTS_MAX = 50

Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
Name = Annotated[Text, Field(min_length=1, max_length=200)]
Metadata = Annotated[
    dict[Annotated[Text, Field(min_length=1, max_length=100)], Annotated[Text, Field(max_length=1000)]],
    Field(max_length=50, description="What the caller wants to find again with the job; texts only."),
]
Priority = Annotated[
    int, Field(ge=-PRIORITY_LIMIT, le=PRIORITY_LIMIT, description="Higher runs first among the tenant's jobs.")
]


class Body(BaseModel):
    """A JSON body: members that it does not know are an error that names them."""

    model_config = ConfigDict(extra="forbid", strict=True)


def checked(model: type[B], value: object, base: str = "") -> B:
    """The value as the model reads it.

    Raises:
        Invalid: it does not fit; `errors` has each fault with its JSON pointer.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid(cast("Sequence[Mapping[str, object]]", error.errors(include_url=False)), base) from None


def invalid(found: Sequence[Mapping[str, object]], base: str = "") -> Invalid:
    """Faults as Pydantic finds them, as one refusal."""
    errors = tuple(_pointed(one, base) for one in found[:FAULTS_MAX])
    return Invalid(reason=" ".join(dict.fromkeys(error.detail for error in errors)), errors=errors)


def _pointed(found: Mapping[str, object], base: str) -> Pointed:
    place = [str(step) for step in cast("Sequence[object]", found.get("loc", ()))]
    pointer = base + "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in place)
    name = place[-1] if place else "The body"
    said = str(found.get("msg", "is not valid")).removeprefix("Value error, ")
    match found.get("type"):
        case "extra_forbidden":
            return Pointed(f"{name} is not known here.", pointer)
        case "string_pattern_mismatch":
            return Pointed(f"{name} holds NUL.", pointer)
        case "missing":
            return Pointed(f"{name} is missing.", pointer)
        case _:
            return Pointed(f"{name}: {said}.", pointer)
