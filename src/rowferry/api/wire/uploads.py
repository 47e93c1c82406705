"""Takes a form in: its files stored as they come, its other parts as text, and nothing left of one that is refused."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Set
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

from starlette.requests import Request

from rowferry.api.wire import forms
from rowferry.api.wire.bodies import gathered, refuse_over, stream_of
from rowferry.api.wire.caller import gate_of, services_of
from rowferry.api.wire.transfer import printable
from rowferry.domain.faults import Invalid, MissingPart, Pointed, Refusal
from rowferry.service.imports import Upload

FORM_BYTES_MORE = 1_000_000
"""What a form may be longer than its files: the other parts, headers and boundaries."""
FILE = "file"
UNNAMED = "upload.csv"

Through = Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]]
"""What looks at the bytes of a file as they come, and may change or refuse them."""


@dataclass(slots=True)
class Form:
    """What came of a form: its texts by name, and its files, which no job has yet."""

    fields: dict[str, str] = field(default_factory=dict[str, str])
    uploads: list[Upload] = field(default_factory=list[Upload])

    @property
    def upload(self) -> Upload:
        """Its file.

        Raises:
            MissingPart: there is none.
        """
        if not self.uploads:
            raise MissingPart(part=FILE)
        return self.uploads[0]

    def text(self, name: str) -> str:
        """A part that must be there.

        Raises:
            MissingPart: it is not, or is empty.
        """
        if not self.fields.get(name):
            raise MissingPart(part=name)
        return self.fields[name]


@asynccontextmanager
async def form_of(
    request: Request, fields: Set[str], files_max: int = 1, through: Through = lambda pieces: pieces
) -> AsyncGenerator[Form, None]:
    """A form with up to `files_max` parts `file`, and parts of the names in `fields`, each once and in any order.

    The block judges what came; where it raises, the files are removed. What makes the job comes behind the block, since the
    service looks after the files from there on. The bytes of each file go `through` a function before they are stored.

    Raises:
        Invalid: the form is not well formed, or has a part that it may not have.
        TooLarge, EmptyFile, StorageFull, UploadIncomplete, TooSlow: as the files are.
    """
    boundary = forms.boundary_of(request.headers.get("content-type", ""))
    if boundary is None:
        raise Invalid(reason="The content type multipart/form-data names no boundary.")
    imports = services_of(request).imports
    refuse_over(request, imports.limits.upload_bytes_max * files_max, "The upload", FORM_BYTES_MORE)
    form = Form()
    try:
        async with aclosing(stream_of(request)) as stream, aclosing(forms.parts_of(stream, boundary)) as parts:
            async for part in parts:
                if part.name == FILE and len(form.uploads) < files_max:
                    file = through(part.data)
                    form.uploads.append(await imports.receive(part.file_name or UNNAMED, part.media_type, file))
                else:
                    await _take(form, part, fields)
        gate_of(request).meters.upload_bytes.inc(sum(upload.bytes for upload in form.uploads))
        yield form
    except BaseException:  # also when the server stops: an upload without a job is of no use
        for upload in form.uploads:
            await imports.discard(upload)
        raise


async def _take(form: Form, part: forms.Part, fields: Set[str]) -> None:
    if part.name in form.fields or part.name == FILE:
        several = "two parts" if part.name != FILE or len(form.uploads) == 1 else f"more than {len(form.uploads)} parts"
        raise _wrong_part(part.name, f"The form has {several} named {part.name}.")
    if part.name not in fields:
        raise _wrong_part(part.name, f"The form may not have a part named {printable(part.name)}.")
    form.fields[part.name] = await gathered(part.data, forms.FIELD_BYTES_MAX, f"The part {part.name}")


def _wrong_part(name: str, reason: str) -> Refusal:
    return Invalid(reason=reason, errors=(Pointed(reason, f"/{printable(name)}"),))
