"""Finds the kinds: built-in ones, entry points, and the folders and files of the settings; each is checked."""

import hashlib
import importlib
import importlib.util
import json
import pkgutil
import re
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import yaml
from yaml.constructor import ConstructorError

from rowferry.domain.declaration import from_declaration, normal, reference_faults
from rowferry.domain.faults import Refusal
from rowferry.ports import ImportKind, Kind, TaskKind

ENTRY_POINTS = "rowferry.kinds"
"""The group of entry points of which each is a kind, or a module that has one as `kind`."""
PYTHON, YAML, JSON = ".py", (".yaml", ".yml"), ".json"
TASK_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


class BrokenKind(Exception):
    """A kind that cannot be used: where it comes from, and why. Nothing starts until it is mended."""

    def __init__(self, origin: str, reason: str) -> None:
        self.origin = origin
        self.reason = reason
        super().__init__(f"The kind from {origin} cannot be used: {reason}")


@dataclass(frozen=True, slots=True)
class Registry:
    """The kinds of the operator and the built-in ones, by name."""

    kinds: Mapping[str, Kind]
    origins: Mapping[str, str]
    """Where each kind comes from, in words."""
    built_in: frozenset[str]
    """Names of import kinds that came with the package, of which a tenant may declare its own."""

    def get(self, name: str) -> Kind | None:
        """The kind of that name, or None."""
        return self.kinds.get(name)

    def all(self) -> tuple[Kind, ...]:
        """All kinds, by name."""
        return tuple(self.kinds[name] for name in sorted(self.kinds))


def discover(paths: Sequence[Path], check: Callable[[ImportKind], None]) -> Registry:
    """All kinds: built in, of entry points, and in the folders and files given, in this order.

    A kind of the operator takes the place of a built-in one of its name.

    Args:
        paths: folders, in which each `.py`, `.yaml`, `.yml` and `.json` file is a kind (names that begin with `_` or `.` are left
            out), or such files.
        check: looks at what the pure rules cannot see, patterns and rules say; raises a `Refusal` where a kind does not hold.

    Raises:
        BrokenKind: a kind cannot be read or does not hold, two of one sort have one name, or a path is not there.
    """
    built_in, origins = _named(_built_in(), check)
    theirs, their_origins = _named(_operators(paths), check)
    kinds, origins = built_in | theirs, origins | their_origins
    imports = {name: kind for name, kind in kinds.items() if isinstance(kind, ImportKind)}
    for name, kind in imports.items():
        for fault in reference_faults(kind, imports.get):
            raise BrokenKind(origins[name], f"{fault.pointer}: {fault.detail}")
    replaceable = frozenset(imports.keys() & built_in.keys() - theirs.keys())
    return Registry(MappingProxyType(kinds), MappingProxyType(origins), replaceable)


def _named(
    sources: Iterator[tuple[str, Callable[[], object]]], check: Callable[[ImportKind], None]
) -> tuple[dict[str, Kind], dict[str, str]]:
    """Kinds by name, and their origins."""
    kinds: dict[str, Kind] = {}
    origins: dict[str, str] = {}
    for origin, load in sources:
        kind = _checked(origin, load, check)
        if kind.name in kinds:
            raise BrokenKind(
                origin, f"its name {kind.name} is that of the kind from {origins[kind.name]}. Rename one of them."
            )
        kinds[kind.name], origins[kind.name] = kind, origin
    return kinds, origins


def read_document(path: Path) -> object:
    """The declaration in a YAML or JSON file, its numbers exact.

    Raises:
        ValueError: the file is neither, or says a key twice.
    """
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix == JSON:
        return json.loads(text, parse_float=Decimal, object_pairs_hook=_once)
    try:
        return yaml.load(text, Loader=_ExactLoader)  # noqa: S506 a SafeLoader, with stricter numbers
    except yaml.YAMLError as fault:
        raise ValueError(str(fault)) from fault


# Where kinds come from ------------------------------------------------------------------------------------------------


def _built_in() -> Iterator[tuple[str, Callable[[], object]]]:
    """Each origin with what loads the kind from there."""
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda one: one.name):
        name = f"{__name__}.{module.name}"
        yield f"the built-in module {name}", partial(importlib.import_module, name)


def _operators(paths: Sequence[Path]) -> Iterator[tuple[str, Callable[[], object]]]:
    """The same for what is installed beside us or named in the settings."""
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda one: one.name):
        of = f" of {point.dist.name}" if point.dist else ""
        yield f"the entry point {point.name}{of}", point.load
    for path in dict.fromkeys(file.resolve() for given in paths for file in _files(given)):
        yield f"the file {path}", partial(_from_file, path)


def _files(path: Path) -> Sequence[Path]:
    known = {PYTHON, *YAML, JSON}
    if path.is_dir():
        return sorted(
            one for one in path.iterdir() if one.is_file() and one.suffix in known and one.name[0] not in "._"
        )
    if not path.is_file():
        raise BrokenKind(f"the path {path}", "there is no such file or folder.")
    if path.suffix not in known:
        raise BrokenKind(f"the file {path}", f"a kind is a file that ends with {', '.join(sorted(known))}.")
    return [path]


class _Uncached(SourceFileLoader):
    """Loads a file without bytecode beside it: an operator's folder may be read-only, and a file changed within a second is another."""

    def path_stats(self, path: str) -> Mapping[str, object]:
        raise OSError(path)


def _from_file(path: Path) -> object:
    return _module(path) if path.suffix == PYTHON else from_declaration(read_document(path))


def _module(path: Path) -> object:
    name = f"rowferry_kind_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = ModuleSpec(name, _Uncached(name, str(path)), origin=str(path))
    spec.has_location = True
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickles look their module up
    _Uncached(name, str(path)).exec_module(module)
    return module


# What makes a kind good -----------------------------------------------------------------------------------------------


def _checked(origin: str, load: Callable[[], object], check: Callable[[ImportKind], None]) -> Kind:
    try:
        found = load()
        kind = _kind(found)
        if isinstance(kind, ImportKind):
            check(kind)
    except Refusal as refusal:
        raise BrokenKind(origin, str(refusal)) from refusal
    except Exception as fault:  # a stranger's file may raise anything
        raise BrokenKind(origin, f"{type(fault).__name__}: {fault}") from fault
    return kind


def _kind(found: object) -> Kind:
    kind = found if isinstance(found, ImportKind | TaskKind) else getattr(found, "kind", None)
    if isinstance(kind, ImportKind):
        return normal(kind)
    if not isinstance(kind, TaskKind):
        raise TypeError("it defines no `kind` that is an ImportKind or a TaskKind.")
    if not TASK_NAME.fullmatch(kind.name) or not kind.steps:
        raise ValueError(f"a task kind has a name like {TASK_NAME.pattern} and at least one step.")
    return kind


# Exact documents ------------------------------------------------------------------------------------------------------


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose keys are said once; the last of two would silently win."""
    members = dict(pairs)
    if len(members) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)} is said twice in one object")
    return members


def _decimal(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> object:
    text = str(node.value)
    return Decimal(text) if re.fullmatch(r"[-+]?[0-9]+\.[0-9]*", text) else loader.construct_yaml_float(node)


def _text(_loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(node.value)


class _ExactLoader(yaml.SafeLoader):
    """YAML without what changes values on the way: decimals stay exact, dates stay text, and no key is said twice."""

    yaml_constructors: ClassVar = {
        **yaml.SafeLoader.yaml_constructors,
        "tag:yaml.org,2002:float": _decimal,
        "tag:yaml.org,2002:timestamp": _text,
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:  # noqa: FBT001, FBT002 as in PyYAML
        keys = [str(key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(keys)) < len(keys):
            twice = next(key for key in keys if keys.count(key) > 1)
            raise ConstructorError(None, None, f"the key {twice} is said twice", node.start_mark)
        return super().construct_mapping(node, deep)
