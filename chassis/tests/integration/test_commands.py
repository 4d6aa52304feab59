"""Commands over HTTP: whoever waits for one is told when it is done."""

import asyncio
import gc

import httpx
import pytest

from chassis import commands
from chassis.commands import Commands
from chassis.http import Health, make_app
from chassis.records import Event
from chassis.testing import MakePool, eventually


async def test_who_waits_for_a_command_is_woken_although_others_gave_up_waiting(
    make_migrated_pool: MakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "_LOOK_EVERY", 60.0)
    pool = await make_migrated_pool()
    service = Commands(pool, "test")
    id_ = await service.submit(Event("t", "a/1", service.envelope(type="test.asked.v1", academy="a"), b"{}"))
    transport = httpx.ASGITransport(make_app("test", [service.router], Health(started=True)))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client, asyncio.timeout(20):
        waiting = [asyncio.create_task(client.get(f"/commands/{id_}", params={"wait": 30})) for _ in range(2)]
        await eventually(lambda: id_ in service._waiting)
        assert (await client.get(f"/commands/{id_}", params={"wait": 0.01})).json()["state"] == "pending"
        await service.finish(pool, {id_: {"code": "done"}})  # type: ignore[arg-type]
        answers = [(await task).json() for task in waiting]
    assert [(answer["state"], answer["outcome"]) for answer in answers] == [("done", {"code": "done"})] * 2


async def test_nothing_is_kept_of_those_who_waited_in_vain(make_migrated_pool: MakePool) -> None:
    service = Commands(await make_migrated_pool(), "test")
    transport = httpx.ASGITransport(make_app("test", [service.router], Health(started=True)))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/commands/unheard-of", params={"wait": 1})).status_code == 404
    gc.collect()
    assert not service._waiting
