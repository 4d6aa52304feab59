"""What a mail server can take and what bare aiosmtplib can give it: mails whose bytes were made before.

python sending.py raw|aiosmtplib PORT MAILS CONNECTIONS    prints one JSON line
"""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

import uvloop
from aiosmtplib import SMTP

from notify_service.mails import Invitation, Letter, Writer
from notify_service.tokens import Signer

DISTINCT = 500
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def letters() -> list[Letter]:
    """Invitations as notify-service writes them."""
    signer = Signer.from_text("A" * 43, "bench")
    writer = Writer(
        signer=signer, public_url="http://127.0.0.1:8000", sender="no-reply@bench.example", time_zone="Europe/Amsterdam"
    )
    return [
        writer.write(
            Invitation(
                invitation_id=UUID(int=number),
                generation=1,
                email=f"jan.de.vries{number}@bedrijf.example",
                name="Jan de Vries",
                language="nl",
                academy_name="Grote Academy",
                expires_at=NOW + timedelta(days=30),
                queued_at=NOW,
            )
        )
        for number in range(DISTINCT)
    ]


async def raw(port: int, share: list[Letter]) -> None:
    """One connection that waits for each answer and does nothing else: the ceiling."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    await reader.readline()
    writer.write(b"HELO bench\r\n")
    await reader.readline()
    for letter in share:
        writer.write(f"MAIL FROM:<{letter.sender}>\r\nRCPT TO:<{letter.recipient}>\r\nDATA\r\n".encode())
        await reader.readuntil(b"\r\n354 ")
        await reader.readline()
        writer.write(letter.content + b".\r\n")
        answer = await reader.readline()
        assert answer.startswith(b"250"), answer
    writer.close()


async def aiosmtplib(port: int, share: list[Letter]) -> None:
    """One connection of the library."""
    async with SMTP(hostname="127.0.0.1", port=port, local_hostname="bench") as client:
        for letter in share:
            await client.sendmail(letter.sender, [letter.recipient], letter.content)


async def main(how: str, port: int, mails: int, connections: int) -> None:
    made = letters()
    shares = [
        [made[n % DISTINCT] for n in islice(range(mails), first, None, connections)] for first in range(connections)
    ]
    send = {"raw": raw, "aiosmtplib": aiosmtplib}[how]
    began, spent = time.perf_counter(), time.process_time()
    await asyncio.gather(*(send(port, share) for share in shares))
    seconds = time.perf_counter() - began
    print(json.dumps({"mails": mails, "seconds": seconds, "cpu_s": time.process_time() - spent}))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], *map(int, sys.argv[2:])))
