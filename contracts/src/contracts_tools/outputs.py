"""Which files are made, and whether those that are committed are current."""

import json
import re
from pathlib import Path
from typing import Final

from contracts_tools import asyncapi, languages, tables
from contracts_tools.examples import examples
from contracts_tools.schemas import Schema, all_schemas

ROOT: Final = Path(__file__).parents[2]
"""The folder contracts/ of the checkout."""

_SECTION: Final = r"(<!-- generated: {name} -->\n).*?(<!-- end -->)"


def schema_text(schema: Schema) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def outputs(root: Path = ROOT) -> dict[Path, str]:
    """The text of every generated file by its path."""
    files = {root / "schemas" / f"{name}.json": schema_text(schema) for name, schema in all_schemas().items()}
    files |= {root / "examples" / e.type / f"{e.size}.json": e.document() for e in examples()}
    files[root / "asyncapi.yaml"] = asyncapi.document()
    files[root / "src" / "contracts" / "language_data.py"] = languages.module()
    files[root / "README.md"] = readme((root / "README.md").read_text(encoding="utf-8"))
    return files


def readme(text: str) -> str:
    """`text` with its generated sections made anew."""
    for name, table in tables.sections().items():
        section = re.compile(_SECTION.format(name=re.escape(name)), re.DOTALL)
        if section.search(text) is None:
            raise ValueError(f"README.md has no section <!-- generated: {name} --> … <!-- end -->")
        text = section.sub(lambda match, table=table: match[1] + table + match[2], text)  # type: ignore[misc]
    return text


def stale(root: Path = ROOT) -> set[Path]:
    """Files that nothing makes any more, where only generated ones belong."""
    made = outputs(root)
    present = {*root.glob("schemas/*"), *root.glob("examples/instroom.*/*")}
    return {path for path in present if path not in made}


def write(root: Path = ROOT) -> None:
    """Make every file; take away the stale ones."""
    for path, text in outputs(root).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in stale(root):
        path.unlink()
    for folder in root.glob("examples/instroom.*"):
        if not any(folder.iterdir()):
            folder.rmdir()


def differences(root: Path = ROOT) -> list[str]:
    """Which committed files are not what would be made now."""
    found = [
        str(path.relative_to(root))
        for path, text in outputs(root).items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    return sorted(found + [f"{path.relative_to(root)} (stale)" for path in stale(root)])
