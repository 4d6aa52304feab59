"""Delivery: claim mails by lease, send them over a few lines, record in groups how it ended. No transaction is open
around SMTP.

A mail may go out twice, byte for byte the same, only where the process was killed or frozen between the server's
acceptance and the record of it: at most one per line and one group of results.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import prometheus_client as prometheus
import structlog

from chassis.database import Pool, is_transient
from notify_service import store, use_cases
from notify_service.domain import Claimed, Kind, Result, backoff
from notify_service.mails import Invitation, Writer
from notify_service.smtp import Answer, Line, Trouble, clean

BATCH = 200
"""Mails per claim: small enough that an academy that comes later waits for few mails of others."""
HUNGRY = 100
"""The next claim is made when so few are left, so that the lines never wait for the database."""
GROUP = 200
GROUP_SECONDS = 0.05
IDLE_POLL = 0.5
"""Seconds between looks at an empty queue: what falls due by itself announces itself to nobody."""
LONGEST_PAUSE = 10.0
KEEP_LINE = 30.0
"""Seconds that an unused line stays open."""
STOP_SECONDS = 5.0
LEASE_MARGIN = 2.0

mails_total = prometheus.Counter("instroom_mails_total", "Mails by how an attempt ended", ["result"])
server_trouble_total = prometheus.Counter(
    "instroom_mail_server_trouble_total", "Times that the mail server could not be used"
)


@dataclass(frozen=True, slots=True)
class _Job:
    mail: Claimed
    deadline: float
    """Monotonic: its content must not go out after it."""


class _Pause:
    """How long to leave a mail server alone that cannot be used: longer each time, until it works again."""

    def __init__(self) -> None:
        self.failures = 0
        self.until = 0.0

    @property
    def left(self) -> float:
        return max(0.0, self.until - time.monotonic())

    def failed(self) -> None:
        if self.left:
            return  # several lines found out about one failure
        self.failures += 1
        # S311: the jitter of a back-off
        self.until = time.monotonic() + min(LONGEST_PAUSE, 0.25 * 2 ** min(self.failures, 10)) * random.uniform(0.7, 1)  # noqa: S311

    def worked(self) -> None:
        self.failures, self.until = 0, 0.0


class Recorder:
    """Writes results in groups. Nothing added is lost while the process lives: it is written again until it succeeds."""

    def __init__(self, pool: Pool, log: structlog.stdlib.BoundLogger) -> None:
        self._pool = pool
        self._log = log
        self._results: list[Result] = []
        self._some = asyncio.Event()
        self._full = asyncio.Event()
        self._writing = 0
        self.healthy = asyncio.Event()
        self.healthy.set()

    def add(self, result: Result) -> None:
        self._results.append(result)
        self._some.set()
        if len(self._results) >= GROUP:
            self._full.set()

    async def run(self) -> None:
        while True:
            await self._some.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GROUP_SECONDS):
                    await self._full.wait()
            await self.flush()

    async def flush(self) -> None:
        """Write all that was added so far."""
        while self._results:
            group = self._results[:GROUP]
            await self._write(group)
            del self._results[: len(group)]
        self._some.clear()
        self._full.clear()
        self.healthy.set()

    async def _write(self, group: Sequence[Result]) -> None:
        pause = 0.05
        while True:
            try:
                async with self._pool.acquire() as conn, conn.transaction():
                    await use_cases.record(store.Transaction(conn), group)
            except Exception as error:
                if not is_transient(error):
                    await self._write_halves(group, error)
                    break
                # Nothing new is claimed until all results are written: the leases of their mails may have ended.
                self.healthy.clear()
                self._log.warning("mail.record_retry", error=repr(error)[:200], results=len(group))
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)
            else:
                for kind, count in Counter(result.kind for result in group).items():
                    mails_total.labels(kind).inc(count)
                break

    async def _write_halves(self, group: Sequence[Result], error: Exception) -> None:
        if len(group) == 1:
            self._log.error("mail.record_failed", invitation=str(group[0].key[1]), exc_info=error)
            return
        middle = len(group) // 2
        await self._write(group[:middle])
        await self._write(group[middle:])


class Courier:
    """Delivers what is due, for ever. `wake` tells it that there is something new."""

    def __init__(
        self,
        *,
        pool: Pool,
        writer: Writer,
        open_line: Callable[[], Line],
        connections: int,
        first_retry: float,
        lease: float,
        send_timeout: float,
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        self._pool = pool
        self._writer = writer
        self._open_line = open_line
        self._connections = connections
        self._first_retry = first_retry
        self._lease = max(lease, 2 * send_timeout)
        self._send_timeout = send_timeout
        self._log = log
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look at the queue at once."""
        self._wake.set()

    async def run(self) -> None:
        """Claim, send, record. When cancelled it finishes the mails that are under way and gives back the others."""
        self._queue: asyncio.Queue[_Job | None] = asyncio.Queue()
        self._hungry = asyncio.Event()
        self._hungry.set()
        self._pause = _Pause()
        self._recorder = Recorder(self._pool, self._log)
        claiming = asyncio.create_task(self._claim(), name="mail claims")
        recording = asyncio.create_task(self._recorder.run(), name="mail results")
        carriers = [asyncio.create_task(self._carry(), name=f"mail line {n}") for n in range(self._connections)]
        try:
            ended, _ = await asyncio.wait((claiming, recording, *carriers), return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            await self._stop(claiming, recording, carriers)

    async def _stop(
        self, claiming: "asyncio.Task[None]", recording: "asyncio.Task[None]", carriers: "list[asyncio.Task[None]]"
    ) -> None:
        claiming.cancel()
        await asyncio.wait((claiming,))
        while not self._queue.empty():
            job = self._queue.get_nowait()
            if job is not None:
                self._end(job, "released")
        for _ in carriers:
            self._queue.put_nowait(None)
        _, late = await asyncio.wait(carriers, timeout=STOP_SECONDS)
        for task in (recording, *late):
            task.cancel()
        await asyncio.wait((recording, *carriers))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._recorder.flush()

    async def _claim(self) -> None:
        after, found = "", False
        while True:
            await self._hungry.wait()
            await asyncio.sleep(self._pause.left)
            await self._recorder.healthy.wait()
            probing = self._pause.failures > 0
            claimed_at = time.monotonic()
            self._wake.clear()
            try:
                async with self._pool.acquire() as conn:
                    mails, last = await store.claim(
                        conn, claim=uuid4(), limit=1 if probing else BATCH, after=after, lease=self._lease
                    )
            except Exception as error:
                if not is_transient(error):
                    raise
                self._log.warning("mail.claim_retry", error=repr(error)[:200])
                await asyncio.sleep(IDLE_POLL)
                continue
            deadline = claimed_at + self._lease - self._send_timeout - LEASE_MARGIN
            for mail in mails:
                self._queue.put_nowait(_Job(mail, deadline))
            if self._queue.qsize() >= HUNGRY:
                self._hungry.clear()
            if probing and mails:
                await self._queue.join()
            found = found or bool(mails)
            if last is None:
                if not found:
                    await self._idle()
                after, found = "", False
            else:
                after = last

    async def _idle(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(IDLE_POLL):
                await self._wake.wait()

    async def _carry(self) -> None:
        line = self._open_line()
        try:
            while True:
                try:
                    async with asyncio.timeout(KEEP_LINE):
                        job = await self._queue.get()
                except TimeoutError:
                    await line.close()
                    continue
                if job is None:
                    return
                try:
                    await self._deliver(job, line)
                finally:
                    self._queue.task_done()
                    if self._queue.qsize() < HUNGRY:
                        self._hungry.set()
        finally:
            await line.close()

    async def _deliver(self, job: _Job, line: Line) -> None:
        mail = job.mail
        if mail.withdrawing:
            self._end(job, "withdrawn")
        elif mail.expired:
            self._end(job, "failed", reason="expired")
        elif time.monotonic() > job.deadline or self._pause.left:
            self._end(job, "released", delay=self._pause.left)
        else:
            try:
                await self._send(job, line)
            except Exception as error:
                # One mail that cannot be made must not keep the others from going out.
                self._log.exception("mail.error", invitation=str(mail.key[1]), generation=mail.key[2])
                self._defer(job, type(error).__name__)

    async def _send(self, job: _Job, line: Line) -> None:
        mail = job.mail
        invitation = Invitation(
            kind=mail.kind,
            invitation_id=mail.key[1],
            generation=mail.key[2],
            email=mail.email,
            name=mail.name,
            language=mail.language,
            academy_name=mail.academy_name,
            expires_at=mail.expires_at,
            queued_at=mail.queued_at,
        )
        try:
            letter = self._writer.write(invitation)
        except ValueError as error:
            self._end(job, "failed", reason=str(error))
            return
        try:
            answer: Answer = await line.send(letter, lambda: time.monotonic() <= job.deadline)
        except Trouble as trouble:
            self._troubled(job, trouble)
            return
        self._pause.worked()
        if answer.kind == "sent":
            self._end(job, "sent", message_id=letter.message_id)
        elif answer.kind == "refused":
            self._end(job, "failed", reason=answer.reply)
        elif answer.kind == "deferred":
            self._defer(job, answer.reply)
        else:
            self._end(job, "released")

    def _troubled(self, job: _Job, trouble: Trouble) -> None:
        server_trouble_total.inc()
        if trouble.with_mail:
            # The server may have accepted it: the next try is an attempt like any other and comes later each time.
            self._log.warning("mail.interrupted", invitation=str(job.mail.key[1]), reason=str(trouble))
            self._defer(job, str(trouble))
            return
        if not self._pause.left:
            self._pause.failed()
            self._log.warning("mail.server_trouble", reason=str(trouble), pause=round(self._pause.left, 2))
        self._end(job, "released", delay=self._pause.left)

    def _defer(self, job: _Job, reason: str) -> None:
        # S311: the jitter of a back-off
        delay = backoff(job.mail.attempts + 1, self._first_retry, random.random())  # noqa: S311
        self._end(job, "deferred", delay=delay, reason=reason)

    def _end(
        self, job: _Job, kind: Kind, *, delay: float = 0.0, message_id: str | None = None, reason: str | None = None
    ) -> None:
        if kind == "failed" and job.mail.kind == "password_reset":
            # No event tells it: the person asks again.
            self._log.warning("mail.reset_failed", reset=str(job.mail.key[1]), reason=clean(reason or ""))
        claim: UUID = job.mail.claim
        self._recorder.add(
            Result(job.mail.key, claim, kind, delay, message_id, clean(reason) if reason is not None else None)
        )
