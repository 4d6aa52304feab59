"""`instroom mail`: what the embedded SMTP sink received."""

import typer

from instroom.commands.options import AsJson
from instroom.session import session
from instroom.stack.mails import read_mails

app = typer.Typer(help="What the embedded SMTP sink received.", no_args_is_help=True)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Every mail, oldest first."""
    with session(as_json) as (out, platform):
        mails = read_mails(platform.home)
        if as_json:
            out.document({"mails": [mail.document() for mail in mails]})
        elif not mails:
            out.line(out.say("none_mails"))
        else:
            say = out.say
            heads = [say("at"), say("to"), say("subject"), "id"]
            out.table(heads, [[out.moment(mail.at), mail.to, mail.subject, mail.id] for mail in mails])
