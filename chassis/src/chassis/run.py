"""From `build()` to a running service: connect, migrate, check, serve, stop in order."""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.resources.abc import Traversable
from typing import Any, Final, Generic, TypeVar

import structlog
import uvicorn
from aiokafka.errors import KafkaError
from fastapi import APIRouter

from chassis import frozen, positions, request_log, streaming
from chassis.access import Verifier
from chassis.broker import Broker
from chassis.commands import Commands
from chassis.consuming import Consumer, Subscription
from chassis.database import (
    MigrationChanged,
    Pool,
    UnsafeSettings,
    chassis_migrations,
    check_safety,
    is_transient,
    make_pool,
    migrate,
)
from chassis.dead_letters import http, looking
from chassis.dead_letters.acting import Acting
from chassis.dispatch import Dispatcher
from chassis.http import Health, make_app
from chassis.positions import Placement
from chassis.publishing import Publisher
from chassis.recovery import BITS, Replaced, Restored, StartAgain, Stock, Told, take_stock
from chassis.relay import Relay
from chassis.replica import StateReplica
from chassis.settings import ServiceSettings
from chassis.telemetry import configure_logging
from chassis.topics import cluster_id, ensure_topics
from contracts.topics import Topic, all_topics

EX_CONFIG = 78
"""Exit code of a refused start (sysexits.h): trying again changes nothing."""
EX_TEMPFAIL = 75
"""Exit code of a process that must begin again (sysexits.h): whoever supervises it starts it."""
LOOK_AT_CLUSTER: Final = 5.0
"""Seconds between two looks at whether the broker is still the one of the start."""

S_co = TypeVar("S_co", bound=ServiceSettings, covariant=True)


@dataclass(kw_only=True)
class Service:
    """What a service is made of; `tasks` run for ever and are started again with back-off when they raise."""

    name: str
    migrations: Traversable
    routers: Sequence[APIRouter] = ()
    subscriptions: Sequence[Subscription] = ()
    replicas: Sequence[StateReplica] = ()
    streams: Sequence[Topic] = ()
    """Topics of the own outbox that are also served as server-sent events."""
    tasks: Sequence[Callable[[], Awaitable[None]]] = ()
    restored: Restored | None = None
    """What else is to be done in a new incarnation."""
    replaced: Replaced | None = None
    """What else is to be done for another broker."""


@dataclass(kw_only=True)
class Kit(Generic[S_co]):
    """What the chassis hands to a service. The pool is open and the last two are known once tasks and handlers run."""

    settings: S_co
    pool: Pool
    commands: Commands
    dispatcher: Dispatcher
    log: structlog.stdlib.BoundLogger
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    cluster: str = ""
    """The id of the broker's cluster."""
    versions_above: int = 0
    """What is counted from its beginning for others begins above this: they may know of more than the database."""


def main(build: Callable[[Kit[Any]], Service], settings: type[ServiceSettings], name: str) -> None:
    """Run a service until it is told to stop. Exits with EX_CONFIG where it must not start."""
    import uvloop

    values = settings()  # from the environment
    log = configure_logging(name, values.log_level)

    async def run() -> int:
        return await _Process(build, values, name, log).run()  # made in here: the pool belongs to the running loop

    sys.exit(uvloop.run(run()))


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the process decides about its signals


class _Process:
    def __init__(
        self,
        build: Callable[[Kit[Any]], Service],
        settings: ServiceSettings,
        name: str,
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        self.settings, self.log, self.name = settings, log, name
        self.pool = make_pool(settings.database)
        self.sender = Publisher(settings.kafka, f"{name}-sender")
        self.relay_publisher = Publisher(settings.kafka, f"{name}-relay")
        self.kit: Kit[Any] = Kit(
            settings=settings,
            pool=self.pool,
            commands=Commands(self.pool, f"instroom/{name}"),
            dispatcher=Dispatcher(self.sender),
            log=log,
        )
        self.service = build(self.kit)
        self.health = Health(serving=False)
        self.consumers: list[Consumer] = []
        self.broker = Broker(
            settings.kafka, client=name, stop_timeout=settings.stop_timeout, session_timeout=settings.session_timeout
        )
        self.background: list[asyncio.Task[None]] = []
        self.stopping = self.kit.stopping
        self.outdated: StartAgain | None = None

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        letters = http.make_router(self.pool, Acting(self.pool, self.service.subscriptions))
        routers = [self.kit.commands.router, letters, *self.service.routers]
        if self.service.streams:
            routers.append(streaming.make_router(self.pool, self.service.streams))
        verifier = Verifier(self.settings.access_keys)
        app = make_app(self.name, routers, self.health, verifier, self.settings.trusted_proxies)
        server = _Server(
            uvicorn.Config(
                app,
                host=self.settings.http_host,
                port=self.settings.http_port,
                log_config=None,
                access_log=False,
                proxy_headers=False,  # uvicorn would believe everybody on this machine
                lifespan="off",
                timeout_graceful_shutdown=2,
            )
        )
        serving = asyncio.create_task(server.serve())
        self._in_background("heartbeat", self.health.keep_beating)
        # From the first moment on: what is frozen may hold up the migrations.
        self._in_background("frozen", partial(frozen.watch, self.settings.database, self.log))
        starting = asyncio.create_task(self._start())
        stop = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait({starting, stop, serving}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done() and not starting.cancelled() and starting.exception() is None:
                await asyncio.wait({stop, serving}, return_when=asyncio.FIRST_COMPLETED)
            elif starting.done() and (error := starting.exception()) is not None:
                self.log.error("start.refused", error=str(error), kind=type(error).__name__)
                return EX_CONFIG if isinstance(error, UnsafeSettings | MigrationChanged) else 1
            if self.outdated is not None:
                return EX_TEMPFAIL
            return 0 if stop.done() else 1
        finally:
            self.stopping.set()
            starting.cancel()
            await self._stop(server, serving)

    async def _start(self) -> None:
        cluster = (await asyncio.gather(self._start_database(), self._start_broker()))[1]
        told = Told(self.settings.kafka, self.name)
        stock: Stock = await self._patiently("database and broker", partial(self._take_stock, cluster, told))
        self.kit.cluster = cluster
        self.kit.versions_above = stock.incarnation << BITS
        self.health.warnings.extend(stock.warnings)
        self._in_background("cluster", partial(self._watch_cluster, cluster))
        relay = Relay(
            self.settings.database,
            self.relay_publisher,
            log=self.log,
            incarnation=stock.incarnation,
            told=told.note,
        )
        self._in_background("relay", relay.run)
        self._in_background("told", told.run)
        for replica in self.service.replicas:
            self._in_background(f"replica {replica.topic.name}", partial(self._run_replica, replica, cluster))
        self.health.reason = "replicas are being read"
        for replica in self.service.replicas:
            await replica.caught_up.wait()
        self.health.serving = True
        for task in self.service.tasks:
            self._in_background(getattr(task, "__qualname__", "task"), task)
        self._in_background("purge request_log", partial(_hourly, partial(request_log.purge, self.pool)))
        self._in_background("purge command", partial(_hourly, self.kit.commands.purge))
        self._in_background("purge dead letters", partial(_hourly, partial(looking.purge, self.pool)))
        self._subscribe(cluster)
        self.health.reason = "joining the consumer groups"
        await self._patiently("broker", self.broker.start)
        self._in_background("watch", self.broker.watch)
        self.health.live.append(self.broker.why_dead)
        self.health.started = True
        # What is there now stays; batches make many objects and no cycles, so look for those seldom.
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 20, 50)
        self.log.info("service.ready")

    async def _start_database(self) -> None:
        async def connect() -> None:
            await self.pool
            async with self.pool.acquire() as connection:
                await check_safety(connection)
                await migrate(connection, chassis_migrations(), (self.name, self.service.migrations))

        await self._patiently("database", connect)
        self.health.ready.append(self._database_answers)

    async def _start_broker(self) -> str:
        async def connect() -> str:
            return await ensure_topics(self.settings.kafka, all_topics(), replication=self.settings.topic_replication)

        return str(await self._patiently("broker", connect))

    async def _take_stock(self, cluster: str, told: Told) -> Stock:
        return await take_stock(
            self.settings.database,
            cluster=cluster,
            told=await told.read(),
            log=self.log,
            restored=self.service.restored,
            replaced=self.service.replaced,
        )

    async def _watch_cluster(self, cluster: str) -> None:
        while True:
            await asyncio.sleep(LOOK_AT_CLUSTER)
            with contextlib.suppress(KafkaError):  # away: what comes back is looked at then
                await self._check_cluster(cluster)

    async def _check_cluster(self, cluster: str) -> None:
        if (now := await cluster_id(self.settings.kafka)) != cluster:
            raise StartAgain(f"the broker was replaced while this process ran: {now}, not {cluster}")

    def _placement(self, topic: str, cluster: str) -> Placement:
        async def stored() -> dict[int, int]:
            # Partitions are assigned anew by another broker too: nothing of that may be taken for the old one's.
            try:
                await self._check_cluster(cluster)
            except StartAgain as error:
                self._begin_again(error)
                raise KafkaError(str(error)) from error
            return await positions.load(self.pool, cluster, topic)

        return Placement(topic, stored)

    def _begin_again(self, error: StartAgain) -> None:
        """End this process, so that another begins with what is true now."""
        if self.outdated is None:
            self.outdated = error
            self.log.error("service.must_start_again", reason=str(error))
            self.stopping.set()

    async def _patiently(self, what: str, operation: Callable[[], Awaitable[Any]]) -> Any:
        """Try until it works: whoever starts first waits for the others."""
        backoff = 0.05
        while True:
            try:
                return await operation()
            except (UnsafeSettings, MigrationChanged):
                raise
            except Exception as error:
                if not (is_transient(error) or isinstance(error, KafkaError)):
                    raise
                self.health.reason = f"{what} cannot be reached: {error!r}"[:300]
                self.log.info("start.waits", what=what, error=repr(error)[:200])
                await asyncio.sleep(backoff)
                backoff = min(backoff * 1.5, 0.1)

    def _subscribe(self, cluster: str) -> None:
        for subscription in self.service.subscriptions:
            for _ in range(subscription.members):
                self._add_member(subscription, cluster)
        if self.consumers:
            # Not dead: a new process would begin to count anew, and set aside as many again.
            self.health.ready.append(self._none_halted)

    def _add_member(self, subscription: Subscription, cluster: str) -> None:
        group = f"{self.name}.{subscription.topic.name}"
        consumer = Consumer(
            subscription, self.pool, cluster, group, self.log, self.stopping, commands=self.kit.commands
        )
        self.broker.subscribe(
            subscription.topic.name,
            group=group,
            max_records=subscription.max_records,
            interactive=subscription.interactive,
            handler=consumer,
            placement=self._placement(subscription.topic.name, cluster) if subscription.keeps_positions else None,
        )
        self.consumers.append(consumer)

    async def _run_replica(self, replica: StateReplica, cluster: str) -> None:
        await replica.run(
            bootstrap=self.settings.kafka,
            pool=self.pool,
            cluster=cluster,
            group=f"{self.name}.{replica.topic.name}",
            log=self.log,
        )

    async def _database_answers(self) -> str | None:
        try:
            async with asyncio.timeout(2):
                await self.pool.fetchval("SELECT 1")
        except Exception as error:
            if is_transient(error):
                return f"the database does not answer: {error!r}"[:200]
            raise
        return None

    async def _none_halted(self) -> str | None:
        return "; ".join(c.halted for c in self.consumers if c.halted) or None

    def _in_background(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        self.background.append(asyncio.create_task(self._for_ever(name, work), name=name))

    async def _for_ever(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        backoff = 0.1
        while not self.stopping.is_set():
            began = asyncio.get_running_loop().time()
            try:
                await work()
            except StartAgain as error:
                self._begin_again(error)
            except Exception as error:
                passing = is_transient(error) or isinstance(error, KafkaError)
                self.log.warning("task.failed", task=name, error=repr(error)[:300], exc_info=None if passing else error)
            if asyncio.get_running_loop().time() - began > 30:
                backoff = 0.1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(backoff):
                    await self.stopping.wait()
            backoff = min(backoff * 2, 5.0)

    async def _stop(self, server: uvicorn.Server, serving: "asyncio.Task[None]") -> None:
        self.health.started, self.health.reason = False, "stopping"
        server.should_exit = True
        await self._end("consumers", self.broker.stop(), self.settings.stop_timeout + 5)
        for task in self.background:
            task.cancel()
        await asyncio.gather(*self.background, return_exceptions=True)
        await self._end("sender", self.sender.stop(), 10)
        await self._end("relay", self.relay_publisher.stop(), 10)
        await asyncio.wait({serving}, timeout=5)
        await self._end("database", self.pool.close(), 5)
        self.log.info("service.stopped")

    async def _end(self, what: str, ending: Awaitable[None], seconds: float) -> None:
        """Await it; whatever it raises keeps nothing else from being ended."""
        try:
            async with asyncio.timeout(seconds):
                await ending
        except Exception as error:
            self.log.warning("stop.failed", what=what, error=repr(error)[:300])


async def _hourly(work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await work()
        await asyncio.sleep(3600)
