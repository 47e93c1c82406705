"""Decides which encoding a file has, and writes one that is not UTF-8 out as UTF-8 before anything is cut."""

import codecs
import os
import re
from dataclasses import dataclass
from pathlib import Path

from rowferry.domain.faults import JobFaultCode, JobStopped, stop

PIECE = 1 << 20
HEAD = 1 << 16
NAMES = {"cp1252": "windows-1252", "iso8859-1": "iso-8859-1", "utf-8-sig": "utf-8"}
"""What people call a codec, where Python calls it otherwise."""
REFUSED = frozenset({"utf-7", "unicode-escape", "raw-unicode-escape", "idna", "punycode"})
"""Codecs that are no encodings of files, or in which a delimiter can be hidden."""
CONTROLS = bytes([0, *range(2, 9), *range(14, 27), 127])
"""Bytes that no text has many of. \\x01 and \\x1c to \\x1f are left out: some systems put them between cells."""
CONTROLS_SHARE = 0.04
SPOILT_SHARE = 0.02
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Marks at the start of a file, the longer of two that begin alike first."""
MARKED = "the mark at the start of the file"


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a file is encoded: its name, the bytes of its mark, and whether it was guessed rather than known.

    `codec` decodes it; None: it is UTF-8 as it stands.
    """

    name: str
    codec: str | None
    mark: int = 0
    guessed: bool = False
    reason: str = "as stated"


def textual(head: bytes) -> bool:
    """Whether the first bytes of a file look like text in any encoding."""
    if _marked(head) or _wide(head):
        return True
    controls = len(head) - len(head.translate(None, CONTROLS))
    return controls <= max(2, len(head) * CONTROLS_SHARE)


def encoding_of(path: Path, stated: str | None) -> Encoding:
    """The encoding of a file, as stated or as its bytes tell.

    Raises:
        JobStopped: unknown-encoding, encoding-mismatch, not-text.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    if stated is not None:
        return _stated(stated, head)
    marked = _marked(head)
    if marked is not None:
        return marked
    wide = _wide(head)
    if wide is not None:
        return Encoding(wide, wide, reason="every second byte is mostly zero")
    if not textual(head):
        raise stop(JobFaultCode.NOT_TEXT, "The file is no text: it holds too many control bytes. Send it as CSV.")
    return _surveyed(path)


def transcode(path: Path, codec: str, target: Path) -> None:
    """Writes the file as UTF-8. What the codec cannot decode becomes bytes that are no UTF-8 either, so that only its rows fail.

    Raises:
        JobStopped: encoding-mismatch, where the text cannot even be followed.
    """
    wide = codec.startswith(("utf-16", "utf-32"))
    decoder = codecs.getincrementaldecoder(codec)("surrogatepass" if wide else "surrogateescape")
    unfinished = target.with_name(target.name + ".part")
    first = True
    with path.open("rb") as source, unfinished.open("wb") as out:
        while True:
            piece = source.read(PIECE)
            try:
                text = decoder.decode(piece, final=not piece)
            except UnicodeError as error:
                raise _mismatch(codec, "Some bytes are no text in it.") from error
            if first and text:
                text, first = text.removeprefix("\ufeff"), False
            out.write(text.encode("utf-8", "surrogatepass"))
            if not piece:
                break
    os.replace(unfinished, target)  # noqa: PTH105  # a reader of the same scratch folder must never see half of it


def _stated(stated: str, head: bytes) -> Encoding:
    codec = _codec(stated)
    name = NAMES.get(codec, codec)
    marked, wide = _marked(head), _wide(head)
    if codec in {"utf-8", "utf-8-sig"}:
        if wide is not None or (marked is not None and marked.codec is not None):
            raise _mismatch(stated, "The file looks like UTF-16.")
        return marked or Encoding("utf-8", None)
    if not codec.startswith("utf-16"):
        return Encoding(name, codec)
    if b"\0" not in head:
        raise _mismatch(stated, "It has no byte that is zero, as every line end of UTF-16 has.")
    seen = (marked.codec if marked is not None else wide) or ""
    if codec == "utf-16":
        return marked or Encoding(wide or "utf-16-le", wide or "utf-16-le")
    if seen and _order(seen) != _order(codec):
        raise _mismatch(stated, f"The file looks like {seen}.")
    return marked or Encoding(name, codec)


def _order(codec: str) -> str:
    return "be" if codec.endswith("be") else "le"


def _codec(stated: str) -> str:
    try:
        name = codecs.lookup(stated).name
        b"\0\0\0\0".decode(name, "replace")  # codecs that are not of text (base64, zip) refuse this
        codecs.getincrementaldecoder(name)
    except (LookupError, UnicodeError, ValueError) as error:
        raise _unknown(stated) from error
    if name.replace("_", "-") in REFUSED:
        raise _unknown(stated)
    return name


def _unknown(stated: str) -> JobStopped:
    return stop(
        JobFaultCode.UNKNOWN_ENCODING,
        f"There is no encoding {stated[:60]!r} here. Use utf-8, utf-16, windows-1252, iso-8859-1 or another name of a codec.",
        encoding=stated[:60],
    )


def _mismatch(stated: str, reason: str) -> JobStopped:
    return stop(
        JobFaultCode.ENCODING_MISMATCH,
        f"The file is not encoded as {stated}. {reason} Leave the option encoding out, or state the file's own.",
        encoding=stated,
    )


def _marked(head: bytes) -> Encoding | None:
    for mark, name in MARKS:
        if head.startswith(mark):
            return Encoding(name, None if name == "utf-8" else name, len(mark), reason=MARKED)
    return None


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: of the text of most languages, every second byte is mostly zero."""
    pairs = len(head) // 2
    if not pairs:
        return None
    even, odd = head[0::2].count(0) / pairs, head[1::2].count(0) / pairs
    many, few = 0.3, 0.02
    if odd > many and even <= few:
        return "utf-16-le"
    return "utf-16-be" if even > many and odd <= few else None


# UTF-8 or not ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Survey:
    lines: int = 0
    spoilt: int = 0
    multibyte: int = 0

    def take(self, piece: bytes) -> None:
        """Counts the lines of a piece: all, those that are no UTF-8, those with characters that prove UTF-8."""
        if piece.isascii():
            self.lines += piece.count(b"\n") or piece.count(b"\r")
            return
        for line in re.split(rb"[\r\n]+", piece):
            self.lines += 1
            if not line.isascii():
                valid = _valid(line)
                self.multibyte += valid
                self.spoilt += not valid


def _surveyed(path: Path) -> Encoding:
    """UTF-8, unless bytes say otherwise: some that are none, and too few characters that only UTF-8 makes."""
    if _sound(path):
        return Encoding("utf-8", None, reason="every byte of the file is UTF-8")
    survey = _Survey()
    rest = b""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            end = max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1
            if end or len(rest) > PIECE:
                survey.take(rest + piece[:end])
                rest = b""
            rest += piece[end:]
    survey.take(rest)
    believable = survey.spoilt < survey.lines * SPOILT_SHARE or survey.multibyte >= survey.spoilt
    told = f"{survey.spoilt} of {survey.lines} lines are no UTF-8"
    if survey.multibyte and believable:
        return Encoding("utf-8", None, reason=f"{told}, and {survey.multibyte} have characters that only UTF-8 makes")
    return Encoding("windows-1252", "cp1252", guessed=True, reason=f"a guess: {told}")


def _sound(path: Path) -> bool:
    """Whether the whole file is UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while piece := file.read(PIECE):
                if not piece.isascii() or decoder.getstate()[0]:
                    decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _valid(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
