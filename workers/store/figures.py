"""How things stand in all: what an operator watches, counted."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from pipeline.records import Outcome
from workers.store.records import DeliveryState, StepState
from workers.store.tables import deliveries, runs, steps


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand, over all tenants.

    Attributes:
        verdicts: how many there are, by outcome; every outcome is there.
        dead_steps: steps that were given up.
        dead_deliveries: webhooks that were given up.
    """

    verdicts: dict[str, int]
    dead_steps: int
    dead_deliveries: int


def count_standing(connection: Connection) -> Standing:
    """Return how things stand."""
    rows = connection.execute(
        select(runs.c.outcome, func.count())
        .where(runs.c.outcome.is_not(None))
        .group_by(runs.c.outcome)
    )
    counted = {str(outcome): int(count) for outcome, count in rows}
    dead_steps = select(func.count()).where(steps.c.state == StepState.DEAD.value)
    dead_deliveries = select(func.count()).where(deliveries.c.state == DeliveryState.DEAD.value)
    return Standing(
        verdicts={outcome.value: counted.get(outcome.value, 0) for outcome in Outcome},
        dead_steps=int(connection.execute(dead_steps).scalar_one()),
        dead_deliveries=int(connection.execute(dead_deliveries).scalar_one()),
    )
