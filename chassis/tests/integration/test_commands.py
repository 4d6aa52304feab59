"""Commands over HTTP: whoever waits for one is told when it is done."""

import asyncio
import gc
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import httpx
import pytest
from fastapi import Request

from chassis import commands, request_log
from chassis.access import Verifier
from chassis.commands import Commands
from chassis.database import Pool
from chassis.http import Health, make_app
from chassis.problems import Problem
from chassis.records import Event
from chassis.testing import ACCESS_KEYS, MakePool, access_token, bearer, eventually
from contracts.access import Role


def by_operator() -> Request:
    """A request of somebody who may follow every command."""
    request = Request({"type": "http", "headers": []})
    request.state.caller = Verifier(ACCESS_KEYS).verify(access_token())
    return request


def asked(service: Commands, key: str = "a/1", value: bytes = b"{}", **attributes: str) -> Event:
    return Event("t", key, service.envelope(**{"type": "test.asked.v1", "academy": "a"} | attributes), value)


class Submitted(NamedTuple):
    """A command that was given, where only a wake has those who wait look again."""

    pool: Pool
    service: Commands
    event: Event


@pytest.fixture
async def submitted(make_migrated_pool: MakePool, monkeypatch: pytest.MonkeyPatch) -> Submitted:
    monkeypatch.setattr(commands, "_LOOK_EVERY", 600.0)
    pool = await make_migrated_pool()
    service = Commands(pool, "test")
    event = asked(service)
    await service.submit(event)
    return Submitted(pool, service, event)


async def test_who_waits_for_a_command_is_woken_although_others_gave_up_waiting(
    submitted: Submitted,
) -> None:
    pool, service, event = submitted
    id_ = event.envelope.request_id
    transport = httpx.ASGITransport(make_app("test", [service.router], Health(started=True), Verifier(ACCESS_KEYS)))
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://test", headers=bearer()) as client,
        asyncio.timeout(60),
    ):
        waiting = [asyncio.create_task(service._get(by_operator(), id_, wait=600)) for _ in range(2)]
        await eventually(lambda: id_ in service._waiting)
        assert (await client.get(f"/commands/{id_}", params={"wait": 0.01})).json()["state"] == "pending"
        await service.finish(pool, [(event.envelope, {"code": "done"})])  # type: ignore[arg-type]
        answers = [await task for task in waiting]
    assert [(answer["state"], answer["outcome"]) for answer in answers] == [("done", {"code": "done"})] * 2


async def test_who_waits_is_told_soon_after_the_commit_though_it_looked_before(
    submitted: Submitted,
) -> None:
    pool, service, event = submitted
    id_ = event.envelope.request_id
    async with asyncio.timeout(60):
        waiting = asyncio.create_task(service._get(by_operator(), id_, wait=600))
        await eventually(lambda: id_ in service._waiting)
        async with pool.acquire() as connection, connection.transaction():
            await service.finish(connection, [(event.envelope, {"code": "done"})])
            await eventually(lambda: id_ in service._waiting, what="it looks again")
            await pool.fetchval("SELECT pg_sleep(0.1)")  # and has seen nothing: its question was asked before this one
        assert (await waiting)["outcome"] == {"code": "done"}


async def test_nothing_is_kept_of_those_who_waited_in_vain(make_migrated_pool: MakePool) -> None:
    service = Commands(await make_migrated_pool(), "test")
    transport = httpx.ASGITransport(make_app("test", [service.router], Health(started=True), Verifier(ACCESS_KEYS)))
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=bearer()) as client:
        for unknown in ("unheard-of", "%00"):
            assert (await client.get(f"/commands/{unknown}", params={"wait": 1})).status_code == 404
    gc.collect()
    assert not service._waiting


async def test_a_command_is_followed_by_who_gave_it_and_by_the_administrators_of_its_academy(
    make_migrated_pool: MakePool,
) -> None:
    service = Commands(await make_migrated_pool(), "test")
    id_ = await service.submit(asked(service, actor="user:7"))
    transport = httpx.ASGITransport(make_app("test", [service.router], Health(started=True), Verifier(ACCESS_KEYS)))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for headers, status in (
            (bearer(), 200),
            (bearer(Role.ADMINISTRATOR, "a"), 200),
            (bearer(Role.MEMBER, "a", sub="user:7"), 200),
            (bearer(Role.MEMBER, "a", sub="user:8"), 404),
            (bearer(Role.MANAGER, "a", sub="user:8"), 404),
            (bearer(Role.ADMINISTRATOR, "b"), 404),
            (bearer(Role.MEMBER, "b", sub="user:7"), 404),
            ({}, 401),
        ):
            assert (await client.get(f"/commands/{id_}", headers=headers)).status_code == status, headers


async def test_an_idempotency_key_stands_for_one_command_and_is_refused_with_any_other(
    make_migrated_pool: MakePool,
) -> None:
    pool = await make_migrated_pool()
    service = Commands(pool, "test")
    once = await service.submit(asked(service, idempotency_key="k"))
    assert await service.submit(asked(service, idempotency_key="k")) == once
    for other in (
        asked(service, idempotency_key="k", value=b'{"n":1}'),
        asked(service, idempotency_key="k", key="a/2"),
        asked(service, idempotency_key="k", type="test.other.v1"),
    ):
        with pytest.raises(Problem) as refused:
            await service.submit(other)
        assert (refused.value.status, refused.value.code) == (422, "idempotency_key_reused")
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 1


async def test_an_empty_idempotency_key_is_none(make_migrated_pool: MakePool) -> None:
    service = Commands(await make_migrated_pool(), "test")
    assert await service.submit(asked(service, idempotency_key="")) != await service.submit(
        asked(service, idempotency_key="")
    )


async def test_the_request_log_knows_every_attempt_that_an_envelope_may_name(make_migrated_pool: MakePool) -> None:
    pool = await make_migrated_pool()
    first = replace(asked(Commands(pool, "test")).envelope, attempt=10**14)
    async with pool.acquire() as connection:
        await request_log.record(connection, [(first, b"{}")])
        await request_log.raise_attempts(connection, [replace(first, attempt=10**15 - 1)])
        known = await request_log.known(connection, [first])
    assert known[request_log.key_of(first)].attempt == 10**15 - 1


async def test_the_first_outcome_of_a_command_stands_and_another_academy_gives_none(
    make_migrated_pool: MakePool,
) -> None:
    pool = await make_migrated_pool()
    service = Commands(pool, "test")
    event = asked(service)
    id_ = await service.submit(event)
    for request, code in (
        (replace(event.envelope, academy="b"), "theirs"),
        (event.envelope, "first"),
        (event.envelope, "second"),
    ):
        await service.finish(pool, [(request, {"code": code})])  # type: ignore[arg-type]
    assert await pool.fetchval("SELECT outcome FROM command WHERE id = $1", id_) == {"code": "first"}


async def test_the_outcome_of_a_higher_attempt_replaces_that_of_a_request_that_had_been_set_aside(
    make_migrated_pool: MakePool,
) -> None:
    pool = await make_migrated_pool()
    service = Commands(pool, "test")
    event = asked(service)
    id_ = await service.submit(event)
    for attempt, code in ((1, "not_processed"), (3, "created"), (2, "late"), (3, "twice")):
        await service.finish(pool, [(replace(event.envelope, attempt=attempt), {"code": code})])  # type: ignore[arg-type]
    assert await pool.fetchval("SELECT outcome FROM command WHERE id = $1", id_) == {"code": "created"}


def test_a_command_is_known_as_long_as_a_duplicate_of_it_would_do_nothing() -> None:
    on_its_topic = timedelta(days=7)
    assert request_log.KEEP + on_its_topic <= commands.KEEP
