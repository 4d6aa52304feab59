"""Publishing without an outbox, for whoever has the rows and their message ids stored already (dispatch), or has
nothing to store (reply)."""

from collections.abc import Sequence

from aiokafka.errors import KafkaError

from chassis.publishing import TOO_LARGE, Publisher
from chassis.records import Event


class Dispatcher:
    """Send, await every acknowledgement, then let the caller advance its cursor or commit its offsets."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def send(self, events: Sequence[Event]) -> None:
        """Return when the broker has every event. After an error some may be there: send all of them again.

        Raises ConnectionError, which passes by itself, for whatever the broker says but that an event is too large.
        """
        if not events:
            return
        try:
            await self._publisher.publish([event.raw() for event in events])
        except TOO_LARGE:
            raise
        except KafkaError as error:
            raise ConnectionError(f"the broker does not take what is sent: {error!r}") from error
