"""Releases: what was promised, frozen. A release is written once and never changed."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from contracts_tools.compatibility import Role, breaks, registry_breaks
from contracts_tools.outputs import ROOT, differences
from contracts_tools.registry import COMMAND_TYPES, registry
from contracts_tools.schemas import Schema, all_schemas

REGISTRY: Final = "registry.json"
SUMS: Final = "SHA256SUMS"


class FreezeRefused(Exception):
    """A release cannot be made; the message says why."""


def released(root: Path = ROOT) -> list[Path]:
    """The folder of every release, the oldest first."""
    return sorted((path for path in (root / "released").glob("*") if path.is_dir()), key=lambda p: int(p.name))


def freeze(root: Path = ROOT) -> Path:
    """Copy what is generated into the folder of the next release.

    Refused while generated files are not current or something breaks with an earlier release.
    """
    wrong = differences(root) + [why for release in released(root) for why in broken(release)]
    if wrong:
        raise FreezeRefused("not current or not compatible:\n" + "\n".join(wrong))
    number = max((int(path.name) for path in released(root)), default=0) + 1
    target = root / "released" / str(number)
    shutil.copytree(root / "schemas", target / "schemas")
    for folder in sorted((root / "examples").glob("instroom.*")):
        shutil.copytree(folder, target / "examples" / folder.name)
    (target / REGISTRY).write_text(json.dumps(registry(), indent=2) + "\n", encoding="utf-8")
    (target / SUMS).write_text("".join(_sums(target)), encoding="utf-8")
    return target


def _sums(release: Path) -> Iterator[str]:
    for path in sorted(release.rglob("*.json")):
        yield f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(release).as_posix()}\n"


def tampered(release: Path) -> bool:
    """Whether a file of the release is not as it was when it was frozen."""
    return (release / SUMS).read_text(encoding="utf-8") != "".join(_sums(release))


def broken(release: Path, schemas: dict[str, Schema] | None = None, now: dict[str, Any] | None = None) -> list[str]:
    """Why what is said now (or `schemas` and the registry `now`) breaks with a release; empty if it does not."""
    schemas = all_schemas() if schemas is None else schemas
    now = registry() if now is None else now
    old = json.loads((release / REGISTRY).read_text(encoding="utf-8"))
    found = registry_breaks(old, now)
    for path in sorted((release / "schemas").glob("*.json")):
        name = path.name.removesuffix(".json")
        schema = schemas.get(name)
        if schema is None:
            found.append(f"{name} is gone")
            continue
        role: Role = "command" if name in COMMAND_TYPES else "event"
        found += [f"{name}{why}" for why in breaks(json.loads(path.read_text(encoding="utf-8")), schema, role)]
    return found
