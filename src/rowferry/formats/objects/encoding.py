"""Decides which encoding a JSON text has, and writes one that is not UTF-8 out as UTF-8 before anything is cut."""

import codecs
import os
from dataclasses import dataclass
from pathlib import Path

from rowferry.domain.faults import JobFaultCode, JobStopped, stop

PIECE = 1 << 20
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Marks at the start of a file, the longer of two that begin alike first."""
WIDE = ((b"[\0", "utf-16-le"), (b"{\0", "utf-16-le"), (b"\0[", "utf-16-be"), (b"\0{", "utf-16-be"))
"""How JSON begins in UTF-16 without a mark."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a text is encoded: its name, the codec that makes text of it (None: it is UTF-8), the bytes of its mark, and why."""

    name: str
    codec: str | None
    mark: int
    reason: str


def encoding_of(head: bytes, stated: str | None = None) -> Encoding:
    """The encoding of a text by its first bytes: as stated, or as a mark or zero bytes tell; UTF-8 else. Source: RFC 8259, section 8.1.

    Raises:
        JobStopped: unknown-encoding, encoding-mismatch.
    """
    marked = next(
        (Encoding(name, name, len(mark), "its mark says so") for mark, name in MARKS if head.startswith(mark)), None
    )
    if marked is not None and marked.name == "utf-8":
        marked = Encoding("utf-8", None, marked.mark, marked.reason)
    wide = next(
        (Encoding(name, name, 0, "every other byte is zero") for start, name in WIDE if head.startswith(start)), None
    )
    found = marked or wide
    if stated is None:
        return found or Encoding("utf-8", None, 0, "JSON is UTF-8 where nothing says otherwise")
    codec = _codec(stated)
    if found is not None and _family(codec) != _family(found.name):
        raise stop(
            JobFaultCode.ENCODING_MISMATCH,
            f"The file is not encoded as {stated[:60]}: it looks like {found.name}. Leave the option encoding out, or state the file's own.",
            encoding=stated[:60],
        )
    if found is not None:
        return Encoding(found.name, found.codec, found.mark, "the option encoding says so")
    return Encoding(codec, None if codec == "utf-8" else codec, 0, "the option encoding says so")


def text_of(path: Path, codec: str | None, scratch: Path) -> Path:
    """The file as UTF-8: itself, or what was made of it in the scratch folder. What is no text stays bytes that are no UTF-8.

    Raises:
        JobStopped: encoding-mismatch, where the text cannot even be followed.
    """
    if codec is None:
        return path
    text = scratch / f"{path.name}.utf-8"
    if not text.exists():
        unfinished = text.with_name(f"{text.name}.part")
        try:
            _transcode(path, codec, unfinished)
        except UnicodeError as error:
            raise stop(
                JobFaultCode.ENCODING_MISMATCH,
                f"The file is not encoded as {codec}: some bytes are no text in it. State the option encoding, or save the file as UTF-8.",
                encoding=codec,
            ) from error
        os.replace(unfinished, text)  # noqa: PTH105  # a reader of the same scratch folder must never see half of it
    return text


def _transcode(path: Path, codec: str, target: Path) -> None:
    decoder = codecs.getincrementaldecoder(codec)("surrogatepass" if _family(codec) != codec else "surrogateescape")
    first = True
    with path.open("rb") as source, target.open("wb") as out:
        while True:
            piece = source.read(PIECE)
            text = decoder.decode(piece, final=not piece)
            if first and text:
                text, first = text.removeprefix("\ufeff"), False
            out.write(text.encode("utf-8", "surrogatepass"))
            if not piece:
                break


def _family(codec: str) -> str:
    """The same word for both byte orders."""
    return codec.removesuffix("-le").removesuffix("-be") if codec.startswith(("utf-16", "utf-32")) else f"{codec} "


def _codec(stated: str) -> str:
    try:
        name = codecs.lookup(stated).name
        b"{}\0\0".decode(name, "replace")  # codecs that are not of text (base64, zip) refuse this
        "{}".encode(name)
        codecs.getincrementaldecoder(name)
    except (LookupError, UnicodeError, ValueError) as error:
        raise _unknown(stated) from error
    if "utf-7" in name or "escape" in name.replace("_", "-") or name in {"idna", "punycode"}:
        raise _unknown(stated)
    return "utf-8" if name == "utf-8-sig" else name


def _unknown(stated: str) -> JobStopped:
    return stop(
        JobFaultCode.UNKNOWN_ENCODING,
        f"There is no encoding {stated[:60]!r} here. Use utf-8, utf-16, windows-1252, iso-8859-1 or another name of a codec.",
        encoding=stated[:60],
    )
