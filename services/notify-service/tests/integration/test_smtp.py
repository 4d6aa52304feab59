"""A line to a mail server hands over every mail byte for byte."""

import asyncio
from typing import Any

from notify_service.mails import Letter
from notify_service.smtp import Line


def letter(content: bytes) -> Letter:
    return Letter("no-reply@mail.example", "jan@example.test", "<1@mail.example>", content)


async def test_lines_that_begin_with_a_dot_arrive_as_they_are(make_settings: Any, sink: Any) -> None:
    contents = [b"Subject: x\r\n\r\n.\r\n..\r\n.x\r\n", b"Subject: y\r\n\r\nplain\r\n"]
    line = Line(make_settings())
    for content in contents:
        assert (await line.send(letter(content), lambda: True)).kind == "sent"
    await line.close()
    assert sink.mails == [("jan@example.test", content) for content in contents]
    assert sink.connections == 1


async def test_a_mail_that_is_no_longer_ours_is_not_handed_over_and_the_next_one_is(
    make_settings: Any, sink: Any
) -> None:
    line = Line(make_settings())
    assert (await line.send(letter(b"Subject: x\r\n\r\n"), lambda: False)).kind == "late"
    assert (await line.send(letter(b"Subject: y\r\n\r\n"), lambda: True)).kind == "sent"
    await line.close()
    assert [content for _, content in sink.mails] == [b"Subject: y\r\n\r\n"]


async def test_a_server_that_knows_no_extensions_gets_its_mail(make_settings: Any) -> None:
    said: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 old\r\n")
        while command := (await reader.readline()).rstrip():
            said.append(command.partition(b" ")[0])
            if command == b"DATA":
                writer.write(b"354 go on\r\n")
                said.append(await reader.readuntil(b"\r\n.\r\n"))
            writer.write(b"502 what\r\n" if command.startswith(b"EHLO") else b"250 OK\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    line = Line(make_settings(smtp=f"127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    assert (await line.send(letter(b"Subject: x\r\n\r\n"), lambda: True)).kind == "sent"
    await line.close()
    server.close()
    assert said[:2] == [b"EHLO", b"HELO"]
    assert b"Subject: x\r\n\r\n.\r\n" in said
