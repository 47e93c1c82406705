"""Opens a workbook as what it is: by the parts of its archive, or by the streams of its compound file."""

import shutil
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rowferry.domain.faults import JobFaultCode, JobStopped, stop
from rowferry.formats.workbook.book import Book
from rowferry.formats.workbook.compound import Compound
from rowferry.formats.workbook.limits import Meter, protected
from rowferry.formats.workbook.ods import CONTENT, open_ods
from rowferry.formats.workbook.package import Package
from rowferry.formats.workbook.xls import open_xls
from rowferry.formats.workbook.xlsb import open_xlsb
from rowferry.formats.workbook.xlsx import main_part, open_xlsx

USUAL = ("xl/workbook.xml", "xl/workbook.bin")
STREAMS = ("Workbook", "Book")
SEALED = {"EncryptedPackage", "\tDRMContent"}
"""Streams of compound files that hold a workbook which only a password or a right opens."""
OTHERS = {
    "WordDocument": "a Word document",
    "PowerPoint Document": "a presentation",
    "__properties_version1.0": "a message",
}


@dataclass(frozen=True, slots=True)
class Opening:
    """How one sort of workbook begins, and how it is opened: the file, what counts its bytes, a folder of its own in scratch."""

    begins: Callable[[bytes], bool]
    open: Callable[[Path, Meter, Path], AbstractContextManager[Book]]


@contextmanager
def open_archive(path: Path, meter: Meter, scratch: Path) -> Generator[Book]:
    """A workbook that is a ZIP archive.

    Raises:
        JobStopped: it is damaged, protected or too large, or no workbook.
    """
    package = Package(path, meter)
    try:
        with _in_archive(package, meter, scratch) as book:
            yield book
    finally:
        package.close()
        shutil.rmtree(scratch, ignore_errors=True)


def _in_archive(package: Package, meter: Meter, scratch: Path) -> AbstractContextManager[Book]:
    main = main_part(package, next((name for name in USUAL if name in package), ""))
    if main.lower().endswith(".bin"):
        return open_xlsb(package, main, meter, scratch)
    if main in package:
        return open_xlsx(package, main, meter, scratch)
    if CONTENT in package:
        return open_ods(package, meter, scratch)
    raise _no_workbook("an archive of a document without sheets")


@contextmanager
def open_compound(path: Path, meter: Meter, scratch: Path) -> Generator[Book]:
    """A workbook that is a compound file.

    Raises:
        JobStopped: it is damaged, protected or too large, or no workbook.
    """
    compound = Compound(path)
    try:
        with open_xls(compound.stream(_stream(compound)), meter, scratch) as book:
            yield book
    finally:
        compound.close()
        shutil.rmtree(scratch, ignore_errors=True)


def _stream(compound: Compound) -> str:
    if compound.names & SEALED:
        raise protected()
    found = next((name for name in STREAMS if name in compound.names), None)
    if found is not None:
        return found
    raise _no_workbook(next((what for name, what in OTHERS.items() if name in compound.names), "no workbook"))


def _no_workbook(what: str) -> JobStopped:
    return stop(
        JobFaultCode.UNKNOWN_FORMAT,
        f"The file is {what}, whatever its name says, and that is not read here. Send a workbook or CSV.",
        found=what,
    )
