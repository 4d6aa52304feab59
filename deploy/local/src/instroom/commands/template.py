"""`instroom template`: the workbook to fill in."""

from pathlib import Path
from typing import Annotated, Final

import typer

from instroom import revisions
from instroom.client import academy_path
from instroom.commands.options import Academy
from instroom.download import download
from instroom.failure import Exit, Failure
from instroom.session import session

_LANGUAGES: Final = ("nl", "en", "de", "fr")


def template(
    academy: Academy,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.xlsx", help="where to write it")],
    lang: Annotated[
        str | None, typer.Option("--lang", metavar="|".join(_LANGUAGES), help="language of the headers")
    ] = None,
) -> None:
    """Write the import template of an academy: its columns, dropdowns of its units, an explanation."""
    with session(False, academy) as (out, platform):
        path = academy_path(academy, "template.xlsx", say=out.say)
        client = platform.client
        language = lang or out.say.language
        if language not in _LANGUAGES:
            told = out.say("no_template", language=language, languages=", ".join(_LANGUAGES))
            raise Failure("wrong_use", told, Exit.WRONG_USE)
        revision = revisions.seen(platform.home, academy) or None
        download(client, out, path, output, language=language, min_org_revision=revision)
