"""A set of 128-bit keys with what is known of each, that may grow past memory: a filter of fixed size before sorted runs on disk."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Entries = npt.NDArray[np.uint64]
"""One row per key, sorted by its first half: both halves of the hash, row, line, owner."""

HIGH, LOW, ROW, LINE, OWNER = range(5)
WIDTH = 5
ENTRY_BYTES = WIDTH * 8

MEMORY_ENTRIES = 1 << 18
"""Entries that are kept in memory before they go to disk as a run: 10 MB."""
RECENT_MAX = 32
"""Pieces in memory before they are merged. Each costs a look-up per key that the filter lets through, and those are few."""
FAN = 8
"""Runs of one generation before they are merged: what a look-up costs grows with it, how often an entry is written falls."""
BLOCK_ENTRIES = 64
READ_BLOCKS = 2
LOOKUPS = 512
"""Look-ups in a run at a time: each has a buffer of two blocks."""
MERGE_ENTRIES = 1 << 15

FILTER_BYTES_MAX = 16 << 20
FILTER_BITS_PER_KEY = 16
_BLOCK_WORDS = 8
_BITS = 4


class Filter:
    """A blocked Bloom filter: says of a key that it is surely new, or that it may be known. Keys of one block share a cache line.

    Source: F. Putze, P. Sanders, J. Singler, Cache-, Hash- and Space-Efficient Bloom Filters (2009), section 3. Each key sets 4
    bits in each of two words of its block.
    """

    def __init__(self, keys: int, bytes_max: int) -> None:
        wanted = keys * FILTER_BITS_PER_KEY // (_BLOCK_WORDS * 64)
        most = max(1, bytes_max // (_BLOCK_WORDS * 8)).bit_length() - 1
        power = max(1, min(wanted.bit_length(), most))
        self._shift = np.uint64(64 - power)
        self._words: Words = np.zeros(_BLOCK_WORDS << power, np.uint64)

    @property
    def bytes(self) -> int:
        return self._words.nbytes

    def maybe(self, high: Words, low: Words) -> npt.NDArray[np.bool_]:
        """Whether each key may have been added."""
        known = np.ones(len(high), np.bool_)
        for at, mask in self._places(high, low):
            known &= (self._words[at] & mask) == mask
        return known

    def add(self, high: Words, low: Words) -> None:
        for at, mask in self._places(high, low):
            np.bitwise_or.at(self._words, at, mask)

    def _places(self, high: Words, low: Words) -> Iterator[tuple[npt.NDArray[np.intp], Words]]:
        first = (high >> self._shift) * np.uint64(_BLOCK_WORDS)
        for part in range(2):
            word = (low >> np.uint64(3 * part)) & np.uint64(_BLOCK_WORDS - 1)
            mask = np.zeros(len(low), np.uint64)
            for bit in range(_BITS):
                mask |= np.uint64(1) << ((low >> np.uint64(6 + 6 * (part * _BITS + bit))) & np.uint64(63))
            yield (first + word).astype(np.intp), mask


class _File:
    """An unlinked file of entries: its space is free when it is closed, or when its process is gone."""

    def __init__(self, folder: Path) -> None:
        self._descriptor, name = tempfile.mkstemp(prefix="keys-", dir=folder)
        Path(name).unlink()
        self._open = True

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        if self._open:
            self._open = False
            os.close(self._descriptor)

    def append(self, part: Entries) -> None:
        view = np.ascontiguousarray(part).data.cast("B")
        while view:
            view = view[os.write(self._descriptor, view) :]

    def fill(self, part: Entries, start: int) -> None:
        """Reads entries from that place on, until the part is full."""
        view = part.data.cast("B")
        offset = start * ENTRY_BYTES
        while view:
            read = os.preadv(self._descriptor, [view], offset)
            if read == 0:
                raise EOFError("a run of keys is shorter than was written")
            view, offset = view[read:], offset + read


@dataclass(frozen=True, slots=True)
class _Run:
    """Sorted entries in an unlinked file. `fences` are the first halves of the first key of each block."""

    file: _File
    entries: int
    fences: Words

    def find(self, high: Words, low: Words) -> tuple[npt.NDArray[np.bool_], Entries]:
        """Which keys are here, and their entries (zeros where not). At most LOOKUPS keys.

        Read by position, not by a mapping: the pages of a mapping count as memory of the process, and a worker's is watched.
        """
        block = np.maximum(np.searchsorted(self.fences, high, side="left") - 1, 0)
        buffer: Entries = np.zeros((len(high), BLOCK_ENTRIES * READ_BLOCKS, WIDTH), np.uint64)
        for index, start in enumerate((block * BLOCK_ENTRIES).tolist()):
            self.file.fill(buffer[index, : self.entries - start], start)
        hit = (buffer[:, :, HIGH] == high[:, None]) & (buffer[:, :, LOW] == low[:, None])
        found = hit.any(axis=1)
        return found, np.where(found[:, None], buffer[np.arange(len(high)), hit.argmax(axis=1)], np.uint64(0))

    def position(self, high: int) -> int:
        """How many entries lie before that first half."""
        block = max(0, int(np.searchsorted(self.fences, np.uint64(high), side="left")) - 1) * BLOCK_ENTRIES
        part = self.read(block, min(block + BLOCK_ENTRIES, self.entries))
        return block + int(np.searchsorted(part[:, HIGH], np.uint64(high), side="left"))

    def read(self, start: int, stop: int) -> Entries:
        part: Entries = np.empty((stop - start, WIDTH), np.uint64)
        self.file.fill(part, start)
        return part


class Keys:
    """Keys seen so far. Memory is bounded: the filter, `MEMORY_ENTRIES` entries, and one number per block on disk (0.1 byte a key).

    `expected` sizes the filter; when more come, more look-ups are paid, nothing else. Entries on disk live in unlinked files of
    `scratch`, in generations: `FAN` runs of one are merged to one of the next.
    """

    def __init__(self, scratch: Path, expected: int, filter_bytes_max: int = FILTER_BYTES_MAX) -> None:
        self._scratch = scratch
        self._filter = Filter(expected, filter_bytes_max)
        self._recent = list[Entries]()
        self._generations = list[list[_Run]]()

    def find(self, high: Words, low: Words) -> tuple[npt.NDArray[np.bool_], Entries]:
        """Which keys are known, and their entries (zeros where not). The keys must be sorted by their first half."""
        found = np.zeros(len(high), np.bool_)
        entries: Entries = np.zeros((len(high), WIDTH), np.uint64)
        left = np.flatnonzero(self._filter.maybe(high, low))
        for recent in self._recent:
            found[left], entries[left] = _find_in(recent, high[left], low[left])
            left = left[~found[left]]
        # The oldest runs are the largest, so most of what is known is found there, and need not be sought in the others.
        for run in (run for generation in reversed(self._generations) for run in generation):
            for at in range(0, len(left), LOOKUPS):
                part = left[at : at + LOOKUPS]
                found[part], entries[part] = run.find(high[part], low[part])
            left = left[~found[left]]
        return found, entries

    def add(self, entries: Entries) -> None:
        """Adds keys that are not known yet, sorted by their first half, each once."""
        if not len(entries):
            return
        self._filter.add(entries[:, HIGH], entries[:, LOW])
        self._recent.append(entries)
        if len(self._recent) > RECENT_MAX:
            self._recent = [_sorted(np.concatenate(self._recent))]
        if sum(map(len, self._recent)) >= MEMORY_ENTRIES:
            whole = _sorted(np.concatenate(self._recent))
            self._recent = []
            self._keep(self._write(iter([whole])), 0)

    def close(self) -> None:
        """Lets go of the files; their space is free then."""
        for run in (run for generation in self._generations for run in generation):
            run.file.close()
        self._generations = []

    def _keep(self, run: _Run, generation: int) -> None:
        if len(self._generations) <= generation:
            self._generations.append([])
        runs = self._generations[generation]
        runs.append(run)
        if len(runs) < FAN:
            return
        merged = self._write(_merged(runs))
        for old in runs:
            old.file.close()
        self._generations[generation] = []
        self._keep(merged, generation + 1)

    def _write(self, parts: Iterator[Entries]) -> _Run:
        file, count, fences = _File(self._scratch), 0, list[Words]()
        for part in parts:
            file.append(part)
            fences.append(part[-count % BLOCK_ENTRIES :: BLOCK_ENTRIES, HIGH].copy())
            count += len(part)
        return _Run(file, count, np.concatenate(fences))


def _sorted(entries: Entries) -> Entries:
    return entries[np.argsort(entries[:, HIGH], kind="stable")]


def _merged(runs: list[_Run]) -> Iterator[Entries]:
    """The entries of all runs in order, some at a time. Hashes are spread evenly, so even cuts of their range give even parts."""
    total = sum(run.entries for run in runs)
    parts = -(-total // MERGE_ENTRIES)
    starts = [0] * len(runs)
    for part in range(1, parts + 1):
        cut = (part << 64) // parts
        stops = [run.entries if part == parts else run.position(cut) for run in runs]
        yield _sorted(np.concatenate([run.read(*ends) for run, *ends in zip(runs, starts, stops, strict=True)]))
        starts = stops


def _find_in(run: Entries, high: Words, low: Words) -> tuple[npt.NDArray[np.bool_], Entries]:
    """Which keys are in sorted entries in memory, and their entries (zeros where not)."""
    firsts = np.ascontiguousarray(run[:, HIGH])
    at = np.searchsorted(firsts, high, side="left")
    found = np.zeros(len(high), np.bool_)
    place = np.zeros(len(high), np.intp)
    same = _holds(firsts, at, high)
    while same.any():  # more than once only where two keys share a first half
        hit = same & (run[np.minimum(at, len(run) - 1), LOW] == low)
        found |= hit
        place[hit] = at[hit]
        at = at + 1
        same = same & ~hit & _holds(firsts, at, high)
    return found, np.where(found[:, None], run[place], np.uint64(0))


def _holds(firsts: Words, at: npt.NDArray[np.intp], high: Words) -> npt.NDArray[np.bool_]:
    holds: npt.NDArray[np.bool_] = (at < len(firsts)) & (firsts[np.minimum(at, len(firsts) - 1)] == high)
    return holds
