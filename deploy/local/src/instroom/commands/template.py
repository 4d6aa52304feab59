"""`instroom template`: the workbook to fill in."""

from pathlib import Path
from typing import Annotated

import typer

from instroom.client import academy_path
from instroom.commands.options import Academy
from instroom.download import download
from instroom.session import session


def template(
    academy: Academy,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.xlsx", help="where to write it")],
    lang: Annotated[str | None, typer.Option("--lang", metavar="nl|en|de|fr", help="language of the headers")] = None,
) -> None:
    """Write the import template of an academy: its columns, dropdowns of its units, an explanation."""
    with session(False) as (out, platform):
        path = academy_path(academy, "template.xlsx", say=out.say)
        language = lang or out.language
        download(platform.client, path, output, out.say, **({"language": language} if language else {}))
        out.line(out.say("written", path=output))
