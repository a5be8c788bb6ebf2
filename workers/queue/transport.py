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
from redis.exceptions import DataError, NoPermissionError, ResponseError

NONSENSE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)

logger = logging.getLogger(__name__)


class QoS(redis.QoS):
    """What is not acknowledged yet, and goes back to its queue when its worker is gone."""

    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:  # noqa: FBT001, FBT002 - as kombu calls it
        """Put a message back; what cannot be put back must not keep the others from it.

        What is no message is thrown away; what the broker does not take now stays where it is.
        """
        try:
            super().restore_by_tag(tag, client=client, leftmost=leftmost)  # type: ignore[no-untyped-call]
        except (*NONSENSE, DataError, NoPermissionError) as error:
            logger.error("what was left behind is no message and was dropped: %r", error)  # noqa: TRY400 - hostile
            self._remove_from_indices(tag).execute()  # type: ignore[no-untyped-call]
        except ResponseError as error:
            logger.warning("a message could not be put back: %s", error)


class Channel(redis.Channel):
    """A channel that drops what is no message."""

    QoS = QoS

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
