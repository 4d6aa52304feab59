"""One line to the mail server, and what its answers mean."""

import asyncio
import contextlib
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
    SMTPStatus,
)

from notify_service.mails import Letter
from notify_service.settings import Settings

CHECK_AFTER_IDLE = 5.0
"""Seconds after which a connection is asked whether it still lives: servers and firewalls drop idle ones silently."""
LONGEST_REPLY = 200
CLOSING = 421


@dataclass(frozen=True, slots=True)
class Answer:
    """`late`: the mail was not offered, because it was no longer ours when its turn came."""

    kind: Literal["sent", "deferred", "refused", "late"]
    reply: str = ""


class Trouble(Exception):
    """The line or the server is the trouble, not the mail.

    `with_mail`: a mail was under way, so that the server may have accepted it without our hearing of it.
    """

    def __init__(self, reason: str, *, with_mail: bool) -> None:
        super().__init__(reason)
        self.with_mail = with_mail


class Line:
    """A connection that is kept open, checked after a pause, replaced after so many mails and after any error."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: SMTP | None = None
        self._mails = 0
        self._used_at = 0.0

    async def send(self, letter: Letter, may_start: Callable[[], bool]) -> Answer:
        """Offer the mail. `may_start` is asked right before its content goes out. Raises Trouble."""
        kept = self._client is not None
        try:
            return await self._offer(letter, may_start)
        except Trouble as trouble:
            if not kept or trouble.with_mail:
                raise
            # A kept connection that the server has meanwhile closed says nothing about the server.
            return await self._offer(letter, may_start)

    async def _offer(self, letter: Letter, may_start: Callable[[], bool]) -> Answer:
        with_mail = False
        try:
            client = await self._connected()
            await _name(client, b"MAIL", b"FROM", letter.sender)
            with_mail = True
            await _name(client, b"RCPT", b"TO", letter.recipient)
            if not may_start():
                await client.rset()
                return Answer("late")
            async with asyncio.timeout(self._settings.smtp_timeout):
                await _hand_over(client, letter.content)
            self._mails += 1
            self._used_at = time.monotonic()
        except (SMTPRecipientRefused, SMTPDataError) as refusal:
            if refusal.code == CLOSING or not 400 <= refusal.code < 600:
                self._drop()
                raise Trouble(_reply(refusal), with_mail=True) from None
            await self._reset()
            return Answer("refused" if refusal.code >= 500 else "deferred", _reply(refusal))
        except SMTPResponseException as refusal:
            self._drop()
            raise Trouble(_reply(refusal), with_mail=with_mail) from None
        except (SMTPException, OSError, TimeoutError) as error:
            self._drop()
            raise Trouble(clean(f"{type(error).__name__}: {error}"), with_mail=with_mail) from None
        except BaseException:
            self._drop()  # nobody knows in which state it is
            raise
        return Answer("sent")

    async def _connected(self) -> SMTP:
        settings = self._settings
        if self._client is not None and self._mails >= settings.smtp_mails_per_connection:
            await self.close()
        if self._client is not None and time.monotonic() - self._used_at > CHECK_AFTER_IDLE:
            await self._reset()
        if self._client is not None and self._client.is_connected:
            return self._client
        client = SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_user,
            password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
            local_hostname=socket.gethostname() or "localhost",
            timeout=settings.smtp_timeout,
            use_tls=settings.smtp_tls == "tls",
            start_tls=settings.smtp_tls == "starttls",
        )
        await client.connect()
        self._client, self._mails, self._used_at = client, 0, time.monotonic()
        await client.noop()  # it says EHLO first, or HELO where that is not known
        return client

    async def _reset(self) -> None:
        if self._client is None:
            return
        try:
            await self._client.rset()
            self._used_at = time.monotonic()
        except (SMTPException, OSError, TimeoutError):
            self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    async def close(self) -> None:
        """Take leave of the server; at most a second is spent on it."""
        if self._client is not None:
            with contextlib.suppress(SMTPException, OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await self._client.quit()
            self._drop()


# `SMTP.mail`, `rcpt` and `data` parse the addresses and look for other line ends and leading dots with regular expressions:
# half of all that a mail costs, for what a Letter is already. These raise what those raise.


async def _name(client: SMTP, verb: bytes, whom: bytes, address: str) -> None:
    """Name the sender or the recipient, of whom a Letter knows that the address is plain."""
    answer = await client.execute_command(verb, whom + b":<" + address.encode("ascii") + b">")
    if answer.code not in (SMTPStatus.completed, SMTPStatus.will_forward):
        if verb == b"RCPT":
            raise SMTPRecipientRefused(answer.code, answer.message, address)
        raise SMTPSenderRefused(answer.code, answer.message, address)


async def _hand_over(client: SMTP, content: bytes) -> None:
    """DATA and the content, whose lines end with CRLF."""
    answer = await client.execute_command(b"DATA", timeout=None)
    if answer.code != SMTPStatus.start_input:
        raise SMTPDataError(answer.code, answer.message)
    if client.protocol is None:
        raise SMTPServerDisconnected("Connection lost")
    client.protocol.write(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
    answer = await client.protocol.read_response(timeout=None)
    if answer.code != SMTPStatus.completed:
        raise SMTPDataError(answer.code, answer.message)


_SECRET = re.compile(r"\S*/(?:invitation|password)/\S*|[A-Za-z0-9_-]{60,}")


def clean(reply: str) -> str:
    """One short line of what a server said. It may quote the mail, so whatever could be a link is left out."""
    printable = "".join(c if c.isprintable() else " " for c in reply.encode("utf-8", "replace").decode())
    return _SECRET.sub("…", " ".join(printable.split()))[:LONGEST_REPLY]


def _reply(refusal: SMTPResponseException) -> str:
    return clean(f"{refusal.code} {refusal.message}")
