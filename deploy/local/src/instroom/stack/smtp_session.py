"""aiosmtpd's session, but a mail is read in a few pieces: line by line took a third of the sink's time."""

from typing import Final

from aiosmtpd.smtp import SMTP

LARGEST_MAIL: Final = 32 * 1024 * 1024


class Session(SMTP):
    """One connection to the sink."""

    line_length_limit = LARGEST_MAIL  # also how much may be read at once

    async def smtp_DATA(self, arg: str) -> None:
        """Read up to the line with a single dot, undo the doubling of leading dots, hand the mail to the sink."""
        if await self.check_helo_needed():
            return
        if arg or self.envelope is None or not self.envelope.rcpt_tos:
            await self.push("501 Syntax: DATA" if arg else "503 Error: need RCPT command")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        content = bytearray()
        while not (content.endswith(b"\r\n.\r\n") or content == b".\r\n"):
            content += await self._reader.readuntil(b".\r\n")
            if len(content) > LARGEST_MAIL:
                await self.push("552 Error: too much mail data")
                self._writer.close()
                return
        lines = bytes(b"\r\n" + content[:-3]).replace(b"\r\n..", b"\r\n.")
        self.envelope.content = lines[2:]
        status = await self._call_handler_hook("DATA")
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        await self.push(status)
