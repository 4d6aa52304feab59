"""The flags that many commands have."""

from typing import Annotated

import typer

Academy = Annotated[str, typer.Option("--academy", metavar="A", help="the id of the academy")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document on stdout and nothing else")]
