"""The YAML of `org apply`: read strictly, told by line where it is wrong, turned into ApplyStructure."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from contracts.events.base import Value
from contracts.events.org import DefineAcademy, StructureCompany, StructureDepartment, StructureFunction
from contracts.fields import is_academy_id
from instroom.failure import Exit, Failure
from instroom.words import Words

_STRICT: Final = ConfigDict(extra="forbid", strict=True)
_MOST_TOLD: Final = 10
_PARTS: Final = re.compile(r"[^.\[\]]+")


class _Academy(DefineAcademy):
    model_config = _STRICT
    id: str | None = None


class _Department(StructureDepartment):
    model_config = _STRICT


class _Company(StructureCompany):
    model_config = _STRICT
    departments: list[_Department] = []  # type: ignore[assignment]


class _Function(StructureFunction):
    model_config = _STRICT


class _Organisation(Value):
    model_config = _STRICT
    academy: _Academy | None = None
    companies: list[_Company] = []
    functions: list[_Function] = []


def read(path: Path, academy: str, say: Words) -> tuple[dict[str, Any], yaml.Node]:
    """The body of ApplyStructure, and the file's nodes. Anything wrong is a Failure of wrong use that names the line."""
    if not is_academy_id(academy):
        raise Failure("invalid_academy", say("academy_id", academy=academy), Exit.WRONG_USE)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = say("no_such_file", path=path, reason=error.strerror or type(error).__name__)
        raise Failure("no_such_file", reason, Exit.WRONG_USE) from None
    except UnicodeDecodeError:
        raise _bad(say, path, 1, "UTF-8?") from None
    organisation, root = _validated(path, text, say)
    found = organisation.academy.id if organisation.academy is not None else None
    if found is not None and found != academy:
        raise Failure("academy_mismatch", say("academy_mismatch", found=found, academy=academy), Exit.WRONG_USE)
    return organisation.model_dump(mode="json", exclude_unset=True, exclude={"academy": {"id"}}), root


def refusal(path: Path, root: yaml.Node, place: str, message: str, say: Words) -> str:
    """What a service refuses at `companies[0].name`, told like what is refused here."""
    if not place:
        return message
    location = [int(part) if part.isdecimal() else part for part in _PARTS.findall(place)]
    _, line = _node(root, location)
    return say("bad_yaml", path=path, line=line, reason=f"{_where(location)}: {message}")


def _validated(path: Path, text: str, say: Words) -> tuple[_Organisation, yaml.Node]:
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            raise _bad(say, path, 1, say("yaml_empty"))
        _no_key_twice(path, root, say)
        data = loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise _bad(say, path, line, error.problem or "YAML") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _bad(say, path, 1, " ".join(str(error).split())) from None
    finally:
        if loader is not None:
            loader.dispose()
    try:
        return _Organisation.model_validate(data), root
    except ValidationError as error:
        told = [_sentence(root, details, say) for details in error.errors()[:_MOST_TOLD]]
        message = "\n".join(say("bad_yaml", path=path, line=line, reason=reason) for line, reason in told)
        raise Failure("bad_yaml", message, Exit.WRONG_USE) from None


def _no_key_twice(path: Path, root: yaml.Node, say: Words) -> None:
    """YAML forbids a key twice in one mapping; its readers take the last one and lose the rest."""
    looked: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in looked:
            continue
        looked.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            names: set[str] = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value in names:
                    raise _bad(say, path, key.start_mark.line + 1, say("yaml_twice", where=key.value))
                names.add(key.value if isinstance(key, yaml.ScalarNode) else "")
                waiting.append(value)


def _sentence(root: yaml.Node, details: ErrorDetails, say: Words) -> tuple[int, str]:
    where = _where(details["loc"]) or say("yaml_file")
    node, line = _node(root, details["loc"])
    match details["type"]:
        case "missing":
            return line, say("yaml_missing", where=where)
        case "string_type" if details["input"] is None:
            return line, say("yaml_missing", where=where)
        case "string_type" if isinstance(node, yaml.CollectionNode):
            return line, say("yaml_only_text", where=where)
        case "extra_forbidden":
            return line, say("yaml_unknown", where=where)
        case "string_type":
            return line, say("yaml_text", where=where, value=node.value if node is not None else details["input"])
        case "list_type":
            return line, say("yaml_list", where=where)
        case "bool_type":
            return line, say("yaml_bool", where=where)
        case "model_type":
            return line, say("yaml_mapping", where=where)
    return line, f"{where}: {details['msg']}"


def _where(location: Sequence[int | str]) -> str:
    return ".".join(str(part + 1) if isinstance(part, int) else part for part in location)


def _node(root: yaml.Node, location: Sequence[int | str]) -> tuple[yaml.Node | None, int]:
    """The node at that place, None if there is none, and its line or that of the nearest one around it."""
    node, line = root, root.start_mark.line
    for part in location:
        below: yaml.Node | None = None
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            below = node.value[part]
            line = below.start_mark.line
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == part:
                    below, line = value, key.start_mark.line
        if below is None:
            return None, line + 1
        node = below
    return node, line + 1


def _bad(say: Words, path: Path, line: int, reason: str) -> Failure:
    return Failure("bad_yaml", say("bad_yaml", path=path, line=line, reason=reason), Exit.WRONG_USE)
