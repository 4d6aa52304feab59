"""A mail server that takes everything and keeps nothing, as Postfix' smtp-sink does.

python sink.py PORT    until it is terminated
"""

import asyncio
import contextlib
import signal
import sys
from typing import Any, Final

import uvloop

END: Final = b"\r\n.\r\n"
HELLO: Final = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
OK: Final = b"250 2.0.0 Ok\r\n"
ANSWERS: Final = {
    b"EHLO": HELLO,
    b"HELO": b"250 sink\r\n",
    b"DATA": b"354 End data with <CR><LF>.<CR><LF>\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}


class Session(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._rest = b""
        self._in_mail = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        answers = []
        while data:
            line, found, rest = data.partition(END if self._in_mail else b"\r\n")
            if not found:
                break
            data = rest
            if self._in_mail:
                self._in_mail = False
                answers.append(OK)
            else:
                verb = line[:4].upper()
                self._in_mail = verb == b"DATA"
                answers.append(ANSWERS.get(verb, OK))
                if verb == b"QUIT":
                    self._transport.write(b"".join(answers))
                    self._transport.close()
                    return
        self._rest = data
        if answers:
            self._transport.write(b"".join(answers))


async def serve(port: int) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    server = await loop.create_server(Session, "127.0.0.1", port, reuse_address=True)
    print("ready", flush=True)
    await stopping.wait()
    server.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(int(sys.argv[1])))
