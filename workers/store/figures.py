"""How things stand in all: what an operator watches, counted."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from pipeline.records import Outcome
from workers.store.records import DeliveryState, OutboxKind, StepState
from workers.store.tables import deliveries, outbox, runs, steps


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand, over all tenants.

    Attributes:
        verdicts: how many there are, by outcome; every outcome is there.
        dead_steps: steps that were given up.
        due_deliveries: webhooks that are still to be delivered, those that rest included.
        dead_deliveries: webhooks that were given up.
        oldest_delivery_ms: when the one that should go first becomes due, or became so; None where
            there is none.
        oldest_event_ms: when the oldest event happened that no relay has addressed yet; None where
            there is none.
    """

    verdicts: dict[str, int]
    dead_steps: int
    due_deliveries: int
    dead_deliveries: int
    oldest_delivery_ms: int | None
    oldest_event_ms: int | None


def count_standing(connection: Connection) -> Standing:
    """Return how things stand."""
    rows = connection.execute(
        select(runs.c.outcome, func.count())
        .where(runs.c.outcome.is_not(None))
        .group_by(runs.c.outcome)
    )
    counted = {str(outcome): int(count) for outcome, count in rows}
    dead_steps = select(func.count()).where(steps.c.state == StepState.DEAD.value)
    return Standing(
        verdicts={outcome.value: counted.get(outcome.value, 0) for outcome in Outcome},
        dead_steps=int(connection.execute(dead_steps).scalar_one()),
        due_deliveries=_count_deliveries(connection, DeliveryState.DUE),
        dead_deliveries=_count_deliveries(connection, DeliveryState.DEAD),
        oldest_delivery_ms=_find_oldest_delivery(connection),
        oldest_event_ms=_find_oldest_event(connection),
    )


def _count_deliveries(connection: Connection, state: DeliveryState) -> int:
    query = select(func.count()).where(deliveries.c.state == state.value)
    return int(connection.execute(query).scalar_one())


def _find_oldest_delivery(connection: Connection) -> int | None:
    query = select(func.min(deliveries.c.due_ms)).where(
        deliveries.c.state == DeliveryState.DUE.value
    )
    oldest_ms: int | None = connection.execute(query).scalar_one()
    return oldest_ms


def _find_oldest_event(connection: Connection) -> int | None:
    """Return when the first unsettled event was put into the outbox, whose ids count up."""
    query = (
        select(outbox.c.created_ms)
        .where(outbox.c.settled_ms.is_(None), outbox.c.kind == OutboxKind.EVENT.value)
        .order_by(outbox.c.id)
        .limit(1)
    )
    return connection.execute(query).scalar()
