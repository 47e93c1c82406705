"""Which file of an archive is meant: the one that was named, the only one, or the only one that can be read."""

from collections.abc import Callable, Sequence

from rowferry.domain.faults import JobFaultCode, JobStopped, stop
from rowferry.formats.compressed.entries import Entry

NAMES_SHOWN_MAX = 20


def choose(entries: Sequence[Entry], stated: str | None, readable: Callable[[Entry], bool]) -> tuple[Entry, str]:
    """The file that is meant, and in a few words why it is.

    Args:
        entries: all files of the archive.
        stated: the option `member`: a name with its folders, or without where only one file has it.
        readable: whether a file looks like one that can be read; asked only where there are several.

    Raises:
        JobStopped: archive-content.
    """
    if stated is not None:
        return _named(entries, stated), "the option member names it"
    own = [entry for entry in entries if not entry.hidden]
    if len(own) == 1:
        return own[0], "it is the only file in the archive"
    fit = [entry for entry in own if readable(entry)]
    if len(fit) == 1:
        return fit[0], "it is the only file in the archive that can be read"
    if not own:
        raise _content("The archive holds no file. Pack the file and send it again.", ())
    raise _content(
        f"The archive holds several files. Choose one by the option member: {_list(fit or own)}.", fit or own
    )


def _named(entries: Sequence[Entry], stated: str) -> Entry:
    wanted = stated.replace("\\", "/")
    for found in (
        [entry for entry in entries if entry.name == wanted],
        [entry for entry in entries if wanted.casefold() in {entry.name.casefold(), entry.last_name.casefold()}],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            names = _list(found)
            raise _content(f"The archive holds several files that the option member may mean: {names}.", found)
    own = [entry for entry in entries if not entry.hidden]
    inside = f"It holds {_list(own)}" if own else "It holds no file"
    raise _content(f"The archive holds no file {stated}, which the option member names. {inside}.", own)


def _list(entries: Sequence[Entry]) -> str:
    more = len(entries) - NAMES_SHOWN_MAX
    names = ", ".join(entry.name for entry in entries[:NAMES_SHOWN_MAX])
    return f"{names} and {more} more" if more > 0 else names


def _content(message: str, entries: Sequence[Entry]) -> JobStopped:
    return stop(JobFaultCode.ARCHIVE_CONTENT, message, members=[entry.name for entry in entries[:NAMES_SHOWN_MAX]])
