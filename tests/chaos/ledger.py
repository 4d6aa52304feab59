"""The ledger: what went in, counted against what came out, from outside the system."""

import asyncio
import contextlib
import functools
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from email.parser import HeaderParser
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
from harm import PATIENCE, held
from kafka_outside import Kafka, Seen, once, user_request
from people import COMPANIES, FUNCTIONS, Workforce, state_hash

from chassis.commands import COMMAND_SOURCE
from contracts.topics import TOPICS, USER_REQUESTS, Topic
from instroom import revisions
from instroom.home import addresses
from instroom.stack.mails import Mailbox
from instroom.testing import Platform, wait_until

Document = dict[str, Any]
_headers = HeaderParser().parsestr  # a fifth of what parsing the whole mail takes: it must keep up with the mail server
_STATES = ("created", "updated", "activated", "deactivated", "deleted")
OUTCOMES = ("created", "updated", "unchanged", "rejected")


TRIES = 5


class TooLate(AssertionError):
    """What was to be harmed was over before this process, which may have had to wait, came to it."""


def in_time(test: Callable[..., None]) -> Callable[..., None]:
    """The test starts over with another academy where it was too late to do harm."""

    @functools.wraps(test)
    def tried(ledger: "Ledger", **more: Any) -> None:
        for _ in range(TRIES - 1):
            try:
                return test(ledger=ledger, **more)
            except TooLate as late:
                print(f"{ledger.academy}: {late}")
                ledger.begin_again()
        return test(ledger=ledger, **more)

    return tried


class Ledger:
    """One academy of a platform, driven and counted. Every test closes its books: `close`."""

    def __init__(self, platform: Platform, academy: str, write_down: Callable[[dict[str, float]], None]) -> None:
        self.platform, self.academy, self._first = platform, academy, academy
        self._write_down = write_down
        self._imports: list[str] = []
        self._asked: set[tuple[str, str]] = set()
        self._tries = itertools.count(2)
        known = addresses(platform.home)
        self.kafka = Kafka(known.kafka)
        self.services = {name.removesuffix("-service"): url for name, url in known.services.items()}
        self._database = known.database
        self._http = platform.http()
        self._postbox = 0
        self._mails: dict[str, list[Document]] = defaultdict(list)

    def define(self) -> None:
        """Make the academy with its organisation."""
        self.platform.define(self.academy, COMPANIES, FUNCTIONS, languages=["nl", "en"], default_language="nl")

    def begin_again(self) -> None:
        """Go on with another academy, and its books."""
        self.academy = f"{self._first}-{next(self._tries)}"
        self._imports.clear()
        self._asked.clear()
        self._postbox = 0
        self._mails.clear()
        self.define()

    # driving

    def call(self, service: str, method: str, path: str, **more: Any) -> httpx.Response:
        """An HTTP call that is repeated until the service answers it: it may just be starting again."""

        def answered() -> httpx.Response | None:
            with contextlib.suppress(httpx.TransportError):
                answer = self._http.request(method, f"{self.services[service]}{path}", **more)
                if answer.status_code < 500:
                    return answer
            return None

        answer = wait_until(answered, timeout=PATIENCE, every=0.02, what=f"{service} answers {method} {path}")
        assert isinstance(answer, httpx.Response)
        return answer

    def call_known(self, service: str, method: str, path: str, **more: Any) -> httpx.Response:
        """Like `call`, repeated until the service knows the academy: its replica may be behind."""

        def known() -> httpx.Response | None:
            answer = self.call(service, method, path, **more)
            return answer if answer.status_code != 404 else None

        answer: httpx.Response = wait_until(known, timeout=PATIENCE, what=f"{service}-service knows {self.academy}")
        return answer

    def path(self, *parts: str) -> str:
        return "/".join(("", "academies", self.academy, *parts))

    def upload(self, workforce: Workforce) -> str:
        params = {
            "filename": "people.csv",
            "min_org_revision": revisions.seen(self.platform.home, self.academy),
        }

        answer = self.call_known("import", "POST", self.path("imports"), params=params, content=workforce.file)
        assert answer.status_code == 202, answer.text
        self._imports.append(str(answer.json()["import_id"]))
        return self._imports[-1]

    def start(self, import_id: str) -> None:
        """Starting again is the same start, so this may be repeated."""
        answer = self.call("import", "POST", self.path("imports", import_id, "start"))
        assert answer.status_code == 202, answer.text

    def requests(self, workforce: Workforce, topic: Topic = USER_REQUESTS) -> list[Seen]:
        """What another program would send to have these people taken in."""
        revision = revisions.seen(self.platform.home, self.academy)
        return [
            user_request(self.academy, "hr", "upsert", person, topic=topic, revision=revision)
            for person in workforce.asked
        ]

    def expect(self, requests: Iterable[Seen]) -> None:
        """Each of these requests, whoever publishes it, must get its outcome."""
        self._asked |= {request.reference for request in requests}

    def send(self, records: Sequence[Seen]) -> None:
        """Publish requests as another program would, in this order; each must get its outcome."""
        self.expect(records)
        self.kafka.publish(records)

    def command(self, method: str, *parts: str, url: str | None = None, **more: Any) -> Document:
        """Give user-service a command, at `url` or where it runs, and wait for its outcome."""
        base = url or self.services["user"]
        accepted = self._http.request(method, f"{base}{self.path('users', *parts)}", **more)
        assert accepted.status_code == 202, accepted.text

        def done() -> Document | None:
            found: Document = self._http.get(f"{base}{accepted.json()['location']}", params={"wait": 10}).json()
            return found if found["state"] == "done" else None

        document: Document = wait_until(done, timeout=PATIENCE, what=f"{method} {parts} has an outcome")
        self._asked.add((COMMAND_SOURCE, document["id"]))
        return document

    def progress(self, import_id: str) -> Document:
        document: Document = self.call("import", "GET", self.path("imports", import_id)).json()
        return document

    def until(self, import_id: str, state: str, patience: float = PATIENCE) -> Document:
        """Wait until the import has come to this state by itself."""

        def arrived() -> Document | None:
            now = self.progress(import_id)
            assert now["state"] not in ("refused", "failed"), now
            return now if now["state"] == state else None

        try:
            document: Document = wait_until(arrived, timeout=patience, what=f"the import is {state}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.progress(import_id)}") from None
        return document

    def in_the_middle(self, import_id: str, state: str, at_least: float = 0.1, at_most: float = 0.8) -> float:
        """Wait until between these parts of the rows are done in this state; which part that is.

        The broker is held while it is looked: however slow this process is, the rows do not pass it by.
        """

        def part() -> float | None:
            with held(self.platform, "kafka"):
                now = self._glance(import_id)
            if now is None:
                return None
            assert now["state"] not in ("refused", "failed"), now
            done = float(now["done"]) / now["rows"] if now["rows"] else 0.0
            if now["rows"] and (now["state"] != state or done > at_most):
                raise TooLate(f"too late to do harm: {now['state']}, {done:.0%} done")
            return done if done >= at_least else None

        return float(wait_until(part, timeout=PATIENCE, every=0.02, what=f"the import is amidst {state}"))

    def _glance(self, import_id: str) -> Document | None:
        """One look at the import, None where import-service does not answer: nothing waits for what is held."""
        with contextlib.suppress(httpx.TransportError):
            url = f"{self.services['import']}{self.path('imports', import_id)}"
            answer = self._http.get(url, timeout=5)
            if answer.status_code == 200:
                document: Document = answer.json()
                return document
        return None

    def mails_in_the_middle(self, workforce: Workforce, low: float = 0.1) -> float:
        """Wait until between `low` and four fifths of the invitations have arrived."""

        def part() -> float | None:
            with held(self.platform, "notify-service"):
                arrived = len(self.mails()) / len(workforce.mailed)
            if arrived > 0.8:
                raise TooLate(f"too late to do harm: {arrived:.0%} of the mails are there")
            return arrived if arrived >= low else None

        return float(wait_until(part, timeout=PATIENCE, every=0.05, what="mails arrive"))

    # counting

    def document(self, import_id: str) -> Document:
        document: Document = self.call("import", "GET", self.path("imports", import_id, "document")).json()
        return document

    def people(self) -> list[Document]:
        return list(self._pages("user", "users"))

    def invitations(self) -> list[Document]:
        return list(self._pages("notify", "invitations"))

    def _pages(self, service: str, what: str) -> Iterator[Document]:
        after: Document = {}
        while True:
            page = self.call_known(service, "GET", self.path(what), params={"limit": 1000, **after}).json()
            yield from page[what]
            if page["next"] is None:
                return
            after = {"after": page["next"]}

    def mails(self) -> dict[str, list[Document]]:
        """What the mail server accepted for this academy, by Message-ID."""
        path = Mailbox(self.platform.home).path
        if path.exists():
            with path.open("rb") as file:
                file.seek(self._postbox)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self._postbox += len(line)
                    if f"@{self.academy}.example".encode() in line:
                        with contextlib.suppress(ValueError):  # the sink was killed while it wrote: never accepted
                            mail = json.loads(line)
                            self._mails[_headers(mail["content"])["Message-ID"]].append(mail)
        return self._mails

    def until_mailed(self, count: int) -> None:
        """Wait until so many invitations are done with, and none waits any more."""

        def done() -> bool:
            ended = Counter(invitation["status"] for invitation in self.invitations())
            return not ended["queued"] and sum(ended.values()) >= count

        wait_until(done, timeout=PATIENCE, every=0.5, what=f"{count} invitations are delivered")

    def until_quiet(self) -> None:
        """Wait until every service has taken in all that there is, and published all that came of it."""
        left: dict[str, int] = {}

        def quiet() -> bool:
            for look in (self.kafka.lags, self._unpublished, self.kafka.lags):
                left.clear()
                left.update(look())
                if left:
                    return False
            return True

        wait_until(quiet, timeout=PATIENCE, every=0.2, what=lambda: f"every topic is consumed, but {left} are left")

    def _unpublished(self) -> dict[str, int]:
        """How many rows of its outbox each service has yet to publish, of those that have any."""

        async def counted() -> dict[str, int]:
            found: dict[str, int] = {}
            for service in self.services:
                count = await self.fetch(
                    service,
                    """SELECT count(*) FROM outbox o, outbox_cursor c WHERE NOT pg_visible_in_snapshot(o.txid, c.snap)""",
                )
                if count:
                    found[f"{service}'s outbox"] = count
            return found

        return asyncio.run(counted())

    async def connect(self, service: str) -> "asyncpg.Connection[asyncpg.Record]":
        """A connection to a service's database, without the limits that its own have.

        Without loops within loops too: of what a case has just written there are no statistics yet.
        """
        return await asyncpg.connect(self._dsn(service), server_settings={"enable_nestloop": "off"})

    async def fetch(self, service: str, query: str, *values: Any) -> Any:
        connection = await self.connect(service)
        try:
            return await connection.fetchval(query, *values)
        finally:
            await connection.close()

    def ask(self, service: str, query: str, *values: Any) -> Any:
        """One value out of a service's database, which only a ledger may look into."""
        return asyncio.run(self.fetch(service, query, *values))

    def _dsn(self, service: str) -> str:
        return urlunsplit(urlsplit(self._database)._replace(path=f"/instroom_{service}"))

    # the books

    def forget(self, import_id: str) -> None:
        """Leave an import out of the books of which import-service has lost all that it knew."""
        self._imports.remove(import_id)

    def close(self, *, decided_again: bool = False, **more: float) -> None:
        """Count all that was sent against all that came of it, print it and write it down; nothing is lost or twice.

        Lost are rows and requests without an outcome, and people told of who are not there or the other way round;
        twice are requests with two different outcomes and mails of one Message-ID that differ. Where requests were
        `decided_again`, by a service that had forgotten them, only what became of the person must be the same. `more` is
        what else the case counted or measured, by its name with `_` for a space.
        """
        documents = [self.document(import_id) for import_id in self._imports]
        became = Counter({name: sum(document[name] for document in documents) for name in OUTCOMES})
        sent = sum(document["rows"] - document["not_attempted"] for document in documents)
        lost = sent - became.total()
        outcomes = self.outcomes()
        for reference in self._asked:
            what = _outcome(outcomes[reference][-1]) if reference in outcomes else "lost"
            became[what if what in OUTCOMES else "updated"] += what != "lost"
            lost += what == "lost"
        lost += len(self._told() ^ self._there())
        mails = self.mails()
        apart = _became_apart if decided_again else _told_apart
        twice = sum(all(asked) and len(apart(records)) > 1 for asked, records in outcomes.items())
        twice += sum(len({(copy["content"], *copy["to"]) for copy in copies}) > 1 for copies in mails.values())
        figures: dict[str, float] = {
            "sent": sent + len(self._asked),
            **{name: became[name] for name in OUTCOMES},
            "lost": lost,
            "twice": twice,
            "set aside": len(self.set_aside()),
            "mails": len(mails),
            "repeats": sum(len(copies) - 1 for copies in mails.values()),
            **{name.replace("_", " "): round(value, 1) for name, value in more.items()},
        }
        print(f"{self.academy}:", ", ".join(f"{name} {value:,}" for name, value in figures.items()))
        self._write_down(figures)
        assert (lost, twice) == (0, 0)

    def _told(self) -> set[str]:
        """The keys of the people whose state user.events tells of."""
        events = self.kafka.read(self.academy, "user.events")
        return {event.key for event in events if _outcome(event) in _STATES}

    def _there(self) -> set[str]:
        """The keys of the people in the database, those who were deleted too."""
        keys = "SELECT coalesce(json_agg(academy || '/' || number_key), '[]') FROM person WHERE academy = $1"
        return set(json.loads(self.ask("user", keys, self.academy)))

    # what must be true

    def balance(self, workforce: Workforce, import_id: str, *, repeats: int = 0, asked_again: bool = False) -> Document:
        """The books of a completed import into an empty academy: nothing lost, nothing twice.

        `repeats` is how many mails may have come once more, the same; `asked_again` whether there may be rows that the
        import had to send again since nobody had answered: where nothing is lost nobody need ask again.
        """
        document = self.document(import_id)
        expected = Counter(workforce.outcomes.values())
        assert document["state"] == "completed"
        became = {result["row"]: result["outcome"] for result in document["results"]}
        assert became.keys() == workforce.outcomes.keys()
        odd = [result for result in document["results"] if workforce.outcomes[result["row"]] != result["outcome"]]
        assert not odd, f"{len(odd)} rows became something else: {odd[:2]}"
        assert {name: document[name] for name in ("rows", "created", "updated", "unchanged", "not_attempted")} == {
            "rows": workforce.count,
            "created": expected["created"],
            "updated": 0,
            "unchanged": 0,
            "not_attempted": 0,
        }
        assert document["rejected"] == expected["rejected"]
        self.people_are(workforce)
        self.each_request_has_one_outcome(import_id, set(workforce.outcomes), rejected=expected["rejected"])
        self.versions_have_no_gap()
        self.nothing_is_set_aside()
        self.until_mailed(len(workforce.mailed))
        self.each_is_mailed_once(workforce.mailed, repeats=repeats)
        assert self.asked_again() == asked_again
        return document

    def people_are(self, workforce: Workforce) -> None:
        """The list of people, and the database's own count of them, are those of the rows."""
        people = self.people()
        assert len(people) == len(workforce.state)
        assert state_hash(people) == state_hash(workforce.state)
        self.no_twins()

    def no_twins(self) -> None:
        """Nobody is there twice, no address belongs to two, and each has exactly the address of their own."""
        people, numbers, addresses_, held = (
            self.ask("user", f"SELECT count({what}) FROM person WHERE academy = $1 AND NOT deleted", self.academy)
            for what in ("*", "DISTINCT number_key", "DISTINCT email_key", "DISTINCT user_id")
        )
        assert people == numbers == addresses_ == held
        assert people == self.ask("user", "SELECT count(*) FROM user_address WHERE academy = $1", self.academy)
        assert people == self.ask(
            "user",
            """SELECT count(*) FROM person p JOIN user_address a USING (academy, number_key, email_key)
               WHERE p.academy = $1 AND NOT p.deleted""",
            self.academy,
        )

    def outcomes(self, of: Callable[[Seen], bool] = lambda _: True) -> dict[tuple[str, str], list[Seen]]:
        """The outcomes of requests by the reference of whoever asked."""
        found: dict[tuple[str, str], list[Seen]] = defaultdict(list)
        for record in self.kafka.read(self.academy, "user.events"):
            if of(record):
                found[record.reference].append(record)
        return found

    def each_request_has_one_outcome(self, import_id: str, rows: set[int], *, rejected: int) -> None:
        """Each row that was started has one outcome. A crash may repeat a record, never say something else."""
        source = f"import/{import_id}"
        outcomes = self.outcomes(lambda record: record.reference[0] == source)
        assert {int(row) for _, row in outcomes} <= rows
        assert len(outcomes) == len(rows) - rejected, "rows that the check rejected are not sent"
        for reference, records in outcomes.items():
            assert len({(record.type, record.value) for record in records}) == 1, f"{reference} has several outcomes"
        again = sum(map(len, outcomes.values())) - len(outcomes)
        print(f"{self.academy}: {len(outcomes)} outcomes, {again} of them published again")

    def versions_have_no_gap(self) -> None:
        """What user.events first tells of each person is version 1, 2, 3, … in this order."""
        highest: dict[str, int] = defaultdict(int)
        for record in self.kafka.read(self.academy, "user.events"):
            if _outcome(record) in _STATES:
                version = json.loads(record.value or b"")["version"]
                assert version <= highest[record.key] + 1, f"{record.key}: {version} after {highest[record.key]}"
                highest[record.key] = max(highest[record.key], version)
        stored = self.ask(
            "user", "SELECT json_object_agg(academy || '/' || number_key, version) FROM person WHERE academy = $1",
            self.academy,
        )  # fmt: skip
        assert json.loads(stored) == highest

    def asked_again(self) -> bool:
        """Whether the import sent a row a second time, as it does when nobody answers."""
        asked = self.kafka.read(self.academy, "user.checks", "user.requests.bulk")
        return any(record.header("ce_attempt") for record in asked)

    def set_aside(self) -> list[Seen]:
        letters = [topic.dlq.name for topic in TOPICS if topic.consumers != ("outside",)]
        return once(self.kafka.read(self.academy, *letters))

    def nothing_is_set_aside(self) -> None:
        assert not self.set_aside()

    def each_is_mailed_once(self, to: set[str], *, repeats: int = 0, undelivered: int = 0) -> None:
        """One invitation per person, counted by Message-ID; a repeat is the same, byte for byte."""
        mails = self.mails()
        once = Counter(mail["to"][0] for copies in mails.values() for mail in copies[:1])
        assert set(once) <= to
        assert len(to) - len(once) == undelivered, f"without a mail: {sorted(to - set(once))[:10]}"
        assert max(once.values(), default=1) == 1, f"several invitations: {[a for a, n in once.items() if n > 1][:10]}"
        for message_id, copies in mails.items():
            assert len({(copy["content"], *copy["to"]) for copy in copies}) == 1, f"{message_id} is not always the same"
        again = sum(len(copies) - 1 for copies in mails.values())
        print(f"{self.academy}: {len(mails)} invitations, {again} of them delivered again ({repeats} allowed)")
        assert again <= repeats
        # What is recorded is published a moment later.
        wait_until(
            lambda: len(self.told_of_sent()) >= len(once), timeout=PATIENCE, what="InvitationSent is told of all"
        )
        assert len(self.told_of_sent()) == len(once), "InvitationSent was told of exactly those who have a mail"

    def told_of_sent(self) -> set[str | None]:
        """Whose invitations invitation.events tells of as sent."""
        events = self.kafka.read(self.academy, "invitation.events")
        return {event.header("ce_subject") for event in events if event.type == "instroom.invitation.sent.v1"}


def _outcome(record: Seen) -> str:
    return record.type.split(".")[2]


def _told_apart(records: Iterable[Seen]) -> set[tuple[str, bytes | None]]:
    """The different outcomes of a request; that a record of it could not be handled is none beside another."""
    told = {(record.type, record.value) for record in records}
    return {(type_, value) for type_, value in told if b'"not_processed"' not in (value or b"")} or told


def _became_apart(records: Iterable[Seen]) -> set[tuple[str, str]]:
    """The different things that became of the person."""
    return {
        (type_, json.dumps(json.loads(value or b"{}").get("person"), sort_keys=True))
        for type_, value in _told_apart(records)
    }
