"""Puts the commands under their words."""

import typer

from instroom.commands import dlq, events, imports, mail, org, template, users


def register(root: typer.Typer) -> None:
    """Every command of `docs/cli.md` but those of the platform itself."""
    root.add_typer(org.app, name="org")
    root.command("template")(template.template)
    root.add_typer(imports.app, name="import")
    root.add_typer(users.app, name="user")
    root.add_typer(mail.app, name="mail")
    root.add_typer(events.app, name="events")
    root.add_typer(dlq.app, name="dlq")
