"""The server's side of SMTP, as much of it as a sink needs: no TLS, no log-in, commands in groups (RFC 5321, 2920)."""

import asyncio
import re
from collections.abc import Callable
from typing import Final, Protocol, cast

LARGEST_MAIL: Final = 32 * 1024 * 1024
LONGEST_COMMAND: Final = 4096
_ADDRESS: Final = re.compile(rb"(?:FROM|TO):\s*<([^<>]*)>(?:\s.*)?", re.IGNORECASE)
_EXTENSIONS: Final = f"250-localhost\r\n250-SIZE {LARGEST_MAIL}\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8"


class Receiver(Protocol):
    """Who decides on recipients and takes the mails."""

    def answer(self, recipient: str) -> tuple[str, float]:
        """The reply to RCPT, and after how many seconds it is given."""
        ...

    def take(self, sender: str, recipients: list[str], content: bytes) -> str | None:
        """Keep the mail; the reply, or None where the connection is to be cut instead."""
        ...


class Session(asyncio.Protocol):
    """One connection to the sink."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._transport: asyncio.Transport
        self._read = bytearray()
        self._searched = 0
        self._content = False
        """Whether what comes is the content of a mail."""
        self._later: asyncio.TimerHandle | None = None
        self._sender: str | None = None
        self._recipients: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._reply("220 localhost instroom mail sink")

    def connection_lost(self, exc: Exception | None) -> None:
        if self._later is not None:
            self._later.cancel()

    def data_received(self, data: bytes) -> None:
        self._read += data
        self._go_on()

    def _go_on(self) -> None:
        """Handle what was read, up to an answer that is given later."""
        while self._later is None and not self._transport.is_closing():
            if not (self._receive() if self._content else self._obey()):
                return

    def _receive(self) -> bool:
        """A mail's content, once its end has come: the line with a single dot."""
        # The line end of DATA was kept: so an empty mail ends like any other, and a dot that begins one is as doubled.
        end = self._read.find(b"\r\n.\r\n", max(0, self._searched - 4))
        self._searched = len(self._read)
        if self._searched > LARGEST_MAIL:
            self._reply("552 5.3.4 too much mail data")
            self._transport.close()
            return False
        if end < 0:
            return False
        content = bytes(self._read[: end + 2]).replace(b"\r\n..", b"\r\n.")[2:]
        del self._read[: end + 5]
        self._content = False
        reply = self._receiver.take(self._sender or "", self._recipients, content)
        self._forget()
        if reply is None:
            self._transport.abort()
            return False
        self._reply(reply)
        return True

    def _obey(self) -> bool:
        """One command, if a whole one was read."""
        end = self._read.find(b"\r\n")
        if end < 0:
            if len(self._read) > LONGEST_COMMAND:
                self._reply("500 5.5.2 line too long")
                self._transport.close()
            return False
        verb, _, rest = bytes(self._read[:end]).partition(b" ")
        command = _COMMANDS.get(verb.upper(), Session._unknown)
        # The line's end stays for the content behind DATA: its first line may be its last.
        del self._read[: end if command is Session._data else end + 2]
        command(self, rest)
        if command is Session._data and not self._content:
            del self._read[:2]
        return True

    def _greet(self, rest: bytes) -> None:
        self._forget()
        self._reply(_EXTENSIONS)

    def _mail(self, rest: bytes) -> None:
        sender = _address(rest)
        if self._sender is not None:
            self._reply("503 5.5.1 there is a sender already")
        elif sender is None:
            self._reply("501 5.5.4 MAIL FROM:<address>")
        else:
            self._sender = sender
            self._reply("250 OK")

    def _rcpt(self, rest: bytes) -> None:
        recipient = _address(rest)
        if self._sender is None:
            self._reply("503 5.5.1 MAIL comes first")
        elif not recipient:
            self._reply("501 5.5.4 RCPT TO:<address>")
        else:
            reply, seconds = self._receiver.answer(recipient)
            if reply.startswith("2"):
                self._recipients.append(recipient)
            if not seconds:
                self._reply(reply)
            else:
                self._later = asyncio.get_running_loop().call_later(seconds, self._reply_now, reply)

    def _data(self, rest: bytes) -> None:
        if rest:
            self._reply("501 5.5.4 DATA has no argument")
        elif not self._recipients:
            self._reply("503 5.5.1 RCPT comes first")
        else:
            self._content, self._searched = True, 0
            self._reply("354 end with a line that is a single dot")

    def _rset(self, rest: bytes) -> None:
        self._forget()
        self._reply("250 OK")

    def _noop(self, rest: bytes) -> None:
        self._reply("250 OK")

    def _quit(self, rest: bytes) -> None:
        self._reply("221 goodbye")
        self._transport.close()

    def _unknown(self, rest: bytes) -> None:
        self._reply("502 5.5.1 no such command here")

    def _forget(self) -> None:
        self._sender, self._recipients = None, []

    def _reply_now(self, reply: str) -> None:
        self._later = None
        self._reply(reply)
        self._go_on()

    def _reply(self, reply: str) -> None:
        self._transport.write(f"{reply}\r\n".encode())


_COMMANDS: Final[dict[bytes, Callable[[Session, bytes], None]]] = {
    b"EHLO": Session._greet,
    b"HELO": Session._greet,
    b"MAIL": Session._mail,
    b"RCPT": Session._rcpt,
    b"DATA": Session._data,
    b"RSET": Session._rset,
    b"NOOP": Session._noop,
    b"QUIT": Session._quit,
}


def _address(argument: bytes) -> str | None:
    """The address of a MAIL or RCPT command; None if there is none."""
    found = _ADDRESS.fullmatch(argument)
    return found[1].decode("utf-8", "replace") if found else None
