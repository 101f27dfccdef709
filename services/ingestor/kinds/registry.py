"""Every further entity by its name: what the modules of `entities` declare."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from services.ingestor import entities
from services.ingestor.kinds.kind import Kind


def _kinds() -> Iterator[Kind]:
    for name in sorted(module.name for module in iter_modules(entities.__path__)):
        yield import_module(f"{entities.__name__}.{name}").KIND


KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in _kinds()})
