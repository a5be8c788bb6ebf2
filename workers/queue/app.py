"""The Celery app: what is said to the broker, and how little of it.

A message is a bell: it carries the id of a step and nothing else. It is acknowledged when it is
received, for the database knows what is due: a bell that is lost is rung again, one that is
forged or rung twice finds nothing to do.
"""

from celery import Celery
from kombu.entity import Queue
from kombu.exceptions import OperationalError

from workers.errors import BrokerUnavailableError
from workers.queue import transport
from workers.settings import Settings
from workers.store.due import Bell
from workers.store.records import PRIORITIES, StepKind

SUBMIT_QUEUE = "submit"
SUBMIT_TASK = "heatreel.submit"
CONNECT_S = 5
REDELIVER_S = 300  # of submissions by message alone: all others are acknowledged at once
REDELIVER_AT_ONCE = 1000  # a worker hears nothing meanwhile


def task_name(kind: StepKind) -> str:
    """Return the name of the task that does such steps."""
    return f"heatreel.{kind.value}"


def make_app(settings: Settings) -> Celery:
    """Return an app for these settings; nothing is connected yet."""
    transport.use()
    app = Celery("heatreel", broker=settings.broker)
    queues = [*(kind.value for kind in StepKind), SUBMIT_QUEUE]
    app.conf.update(
        task_queues=[Queue(name) for name in queues],  # type: ignore[no-untyped-call]
        task_default_queue=SUBMIT_QUEUE,
        task_create_missing_queues=False,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_acks_late=False,
        worker_disable_prefetch=True,  # a bell waits where any worker can hear it
        worker_prefetch_multiplier=1,
        worker_pool="threads",
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_soft_shutdown_timeout=0,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "priority_steps": list(PRIORITIES),
            "queue_order_strategy": "priority",
            "socket_connect_timeout": CONNECT_S,
            "socket_timeout": None,  # a reader that waits for bells may wait
            "health_check_interval": 25,
            "visibility_timeout": REDELIVER_S,
            "unacked_restore_limit": REDELIVER_AT_ONCE,
        },
    )
    return app


class Broker:
    """The broker, as the one who rings sees it."""

    def __init__(self, app: Celery) -> None:
        """Make one of an app; nothing is connected yet."""
        self._app = app

    def ring(self, bells: list[Bell]) -> None:
        """Ring for steps.

        Raises:
            BrokerUnavailableError: if the broker does not answer; some may have been rung.
        """
        try:
            with self._app.producer_pool.acquire(block=True) as producer:
                for bell in bells:
                    kind = StepKind(bell.kind)
                    self._app.send_task(
                        task_name(kind),
                        args=[bell.id],
                        queue=kind.value,
                        priority=bell.priority,
                        producer=producer,
                        retry=False,
                    )
        except OperationalError as error:
            raise BrokerUnavailableError(f"the broker does not answer: {error}") from error

    def count_waiting(self, kind: StepKind) -> int:
        """Return how many bells of a kind nobody has answered yet.

        Raises:
            BrokerUnavailableError: if the broker does not answer.
        """
        # Whoever asks will ask again: there is no sense in waiting here.
        with self._app.connection_for_write(transport_options={"max_retries": 1}) as connection:
            away = (*connection.connection_errors, *connection.channel_errors, OperationalError)
            try:
                queue = connection.default_channel.queue_declare(kind.value)
                return int(queue.message_count)
            except away as error:
                raise BrokerUnavailableError(f"the broker does not answer: {error}") from error
