"""The way to the broker: Celery's own for Redis, but it bears messages that are none.

Whoever may write to the broker may write nonsense to it. Of some Celery's worker dies, of some it
dies again at each start, since it gets them back, and of some it goes on but hears nothing more.
Here such a message is dropped, and the log says so.
"""

import logging
from collections.abc import Callable
from typing import Any

from celery.worker.state import reserved_requests, task_ready
from kombu.message import Message
from kombu.transport import TRANSPORT_ALIASES, redis

NONSENSE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)

logger = logging.getLogger(__name__)


class Channel(redis.Channel):
    """A channel that drops what is no message."""

    def basic_consume(
        self,
        queue: str,
        no_ack: bool,  # noqa: FBT001 - as kombu calls it
        callback: Callable[[Message], Any],
        consumer_tag: str,
        **options: Any,
    ) -> Any:
        """Have messages handed over as they come; one that cannot be dealt with is dropped."""

        def deal_with(message: Message) -> Any:
            try:
                return callback(message)
            except NONSENSE as error:
                logger.error("a message that is none was dropped: %r", error)  # noqa: TRY400 - hostile
                for request in tuple(reserved_requests):
                    if request.message is message:
                        task_ready(request)  # or it would take up a slot for ever
                if not message.acknowledged:
                    message.ack()  # type: ignore[no-untyped-call]

        return super().basic_consume(  # type: ignore[no-untyped-call]
            queue, no_ack, deal_with, consumer_tag, **options
        )

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except NONSENSE as error:
            logger.error("bytes that are no message were dropped: %r", error)  # noqa: TRY400


class Transport(redis.Transport):
    """The transport of such channels."""

    Channel = Channel


def use() -> None:
    """Have it used wherever this process connects to Redis."""
    place = f"{Transport.__module__}:{Transport.__qualname__}"
    TRANSPORT_ALIASES.update(redis=place, rediss=place)
