"""`make demo`: the main job before your eyes, by the same commands that you can type yourself."""

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from instroom import home
from instroom.failure import Exit
from instroom.samples import sample
from instroom.stack.mails import read_entries

ACADEMY: Final = "demo"
SAMPLE: Final = Path(__file__).parents[2] / "sample"
MAIL_SECONDS: Final = 120.0
"""How long the demo waits for the last of its mails."""


class Stopped(Exception):
    """A step of the demo went wrong; nothing after it makes sense."""


def command(*words: str) -> list[str]:
    """The command line of this environment."""
    return [str(Path(sys.executable).with_name("instroom")), *words]


def run(*words: str, accept: tuple[Exit, ...] = (Exit.DONE,), quiet: bool = False) -> None:
    """Show a command and run it before the eyes of the person."""
    tell(f"\n$ instroom {shlex.join(words)}")
    done = subprocess.run(command(*words), stdin=subprocess.DEVNULL, check=False, capture_output=quiet)
    if done.returncode not in accept:
        raise Stopped(f"instroom {words[0]} ended with {done.returncode}{_of(done.stderr)}")


def ask(*words: str, accept: tuple[Exit, ...] = (Exit.DONE, Exit.REFUSED)) -> Any:
    """The document of a command."""
    done = subprocess.run(command(*words, "--json"), stdin=subprocess.DEVNULL, check=False, stdout=subprocess.PIPE)
    if done.returncode not in accept:
        raise Stopped(f"instroom {shlex.join(words)} ended with {done.returncode}{_of(done.stdout)}")
    return json.loads(done.stdout)


def tell(text: str = "") -> None:
    print(text, flush=True)


def heading(text: str) -> None:
    tell(f"\n── {text} " + "─" * max(0, 92 - len(text)))


def wait_for_mails(count: int) -> int:
    """The number of mails once there are `count`; what there is if that takes too long."""
    deadline = time.monotonic() + MAIL_SECONDS
    while (received := mails()) < count and time.monotonic() < deadline:
        time.sleep(0.2)
    return received


def mails() -> int:
    """How many the SMTP sink has received."""
    return sum(1 for _ in read_entries(home.find()))


def demo() -> None:
    """All of it, in order."""
    heading("The platform: PostgreSQL, Kafka, a mail server and the services")
    run("up", "--detach")
    before = mails()
    again = known()
    if again:
        tell("\nThis platform has met the sample before: what is the same stays unchanged, and nobody is mailed twice.")

    heading("The organisation: companies, departments, functions")
    run("org", "apply", str(SAMPLE / "organisation.yaml"), "--academy", ACADEMY)
    run("template", "--academy", ACADEMY, "--lang", "nl", "-o", str(folder() / "template.xlsx"))

    heading("Five colleagues, one by one")
    for colleague in sample.COLLEAGUES:
        accepted = (Exit.DONE, Exit.REFUSED) if again else (Exit.DONE,)
        run("user", "add", "--academy", ACADEMY, *sample.flags(colleague), accept=accepted)

    heading("A workbook of 1,000 rows: upload, last check, start, report")
    workbook = str(SAMPLE / "users.xlsx")
    run("import", workbook, "--academy", ACADEMY, "--yes", accept=(Exit.REFUSED,))
    first = newest_import()
    target = folder() / "report.xlsx"
    words = ("import", "report", first["import_id"], "--academy", ACADEMY, "-o", str(target))
    run(*words, accept=(Exit.REFUSED,), quiet=True)
    tell(f"The report as a workbook: {target}")

    heading("The invitations that the mail server received")
    received = wait_for_mails(before + first["invited"])
    tell(f"{received - before} mails for the {first['invited']} invitations of this import.")
    if received > before:
        show_mail(ask("mail", "list")["mails"][-1])

    heading("The same workbook once more: nothing changes, nobody is mailed")
    run("import", workbook, "--academy", ACADEMY, "--yes", accept=(Exit.REFUSED,), quiet=True)
    second = newest_import()
    run("import", "list", "--academy", ACADEMY)
    check(first, second, received - before, mails() - received)


def known() -> bool:
    """Whether the sample was imported here before."""
    listed = ask("import", "list", "--academy", ACADEMY, accept=(Exit.DONE, Exit.WRONG_USE))
    return bool(listed.get("imports"))


def newest_import() -> dict[str, Any]:
    """The import document that the last import of the demo academy has, without rows."""
    imports: list[dict[str, Any]] = ask("import", "list", "--academy", ACADEMY)["imports"]
    return max(imports, key=lambda each: str(each["created_at"]))


def show_mail(mail: dict[str, Any]) -> None:
    """One mail as text."""
    tell(f"\nOne of them, to {mail['to']}: {mail['subject']}\n")
    tell("\n".join(f"    {line}" for line in str(mail["text"]).splitlines()))


def check(first: dict[str, Any], second: dict[str, Any], sent: int, more: int) -> None:
    """Do the sums before anybody else has to."""
    heading("The sums")
    for name, document in (("first", first), ("second", second)):
        parts = [document[key] for key in ("created", "updated", "unchanged", "rejected", "not_attempted")]
        equal = "=" if sum(parts) == document["rows"] else "≠"
        tell(f"{name:6} import: {' + '.join(map(str, parts))} {equal} {document['rows']} rows")
        if equal == "≠":
            raise Stopped("the counts do not add up")
    tell(f"mails:         {sent} for {first['invited']} invitations, then {more} for {second['invited']}")
    if sent != first["invited"] or more or second["invited"]:
        raise Stopped("the mails do not match the invitations")
    if second["created"] or second["updated"]:
        raise Stopped("the second import changed something")


def folder() -> Path:
    """Where the demo leaves its workbooks."""
    made = home.find() / "demo"
    made.mkdir(parents=True, exist_ok=True)
    return made


def _of(output: bytes | None) -> str:
    return f": {output.decode(errors='replace').strip()}" if output else ""


def main() -> None:
    if os.environ.get("INSTROOM_SMTP"):
        tell("The demo counts the mails in the embedded sink: unset INSTROOM_SMTP.")
        sys.exit(Exit.WRONG_USE)
    try:
        demo()
    except Stopped as stopped:
        tell(f"\nThe demo stopped: {stopped}")
        sys.exit(1)
    if os.environ.get("DEMO_EXIT", "") not in ("", "0"):
        run("down")
        return
    heading("Yours to try")
    run("status")
    login = home.first_log_in(home.find())
    tell(f"\nThe console: {login.url}/{login.academy}/  log in as {login.email} with password {login.password}")
    tell("\nThe platform keeps running. Stop it with: make down (its data stays in .instroom/)")


if __name__ == "__main__":
    main()
