"""`events tail`: whose events may be asked for."""

import httpx
from cli_fakes import CommandLine, FakePlatform


def test_an_academy_that_nobody_defined_is_wrong_use(platform: FakePlatform, instroom: CommandLine) -> None:
    platform.on("GET /academies", {"academies": [{"id": "demo", "default_language": "nl"}]})
    told = instroom("events", "tail", "--academy", "nobody", "--limit", "0")
    assert (told.exit_code, told.stderr) == (2, "instroom: de academy nobody bestaat niet\n")
    assert instroom("events", "tail", "--academy", "demo", "--limit", "0").exit_code == 0


def test_events_can_be_looked_at_while_nobody_knows_the_academies(
    platform: FakePlatform, instroom: CommandLine
) -> None:
    platform.on("GET /academies", httpx.ConnectError("refused"))
    assert instroom("events", "tail", "--academy", "demo", "--limit", "0").exit_code == 0
