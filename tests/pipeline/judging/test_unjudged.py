"""Unjudged: the spans that no good frame speaks for."""

from itertools import pairwise

import pytest
from hypothesis import given

from pipeline.judging.unjudged import find_unjudged
from pipeline.records import Gate, Span, Timeline, Unjudged
from tests.pipeline.judging.builders import NAN, timeline, timelines

BLURRED = {1_000: Gate.BLUR, 2_000: Gate.CORRUPT}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(timeline(), [], id="no-frames"),
        pytest.param(timeline((0, 0.1)), [], id="all-good"),
        pytest.param(timeline((0, NAN)), [Unjudged(0, 4_000, "black")], id="to-the-end"),
        pytest.param(
            timeline((0, NAN), (500, NAN), (1_000, 0.1)),
            [Unjudged(0, 1_000, "black")],
            id="a-row-of-one-gate-to-the-next-good-frame",
        ),
        pytest.param(
            timeline((0, NAN), (500, 0.1), (1_000, NAN), (1_500, 0.1)),
            [Unjudged(0, 500, "black"), Unjudged(1_000, 1_500, "black")],
            id="a-good-frame-between",
        ),
        pytest.param(
            timeline((0, NAN), (1_000, NAN), (2_000, NAN), gates=BLURRED),
            [
                Unjudged(0, 1_000, "black"),
                Unjudged(1_000, 2_000, "blur"),
                Unjudged(2_000, 4_000, "corrupt"),
            ],
            id="each-gate-has-its-span",
        ),
        pytest.param(
            timeline((0, 0.1), uncovered=[Span(500, 4_000)]),
            [Unjudged(500, 4_000, "not sampled")],
            id="not-sampled",
        ),
        pytest.param(
            timeline((0, NAN), uncovered=[Span(500, 4_000)]),
            [Unjudged(0, 500, "black"), Unjudged(500, 4_000, "not sampled")],
            id="a-bad-frame-ends-where-the-guarantee-does",
        ),
        pytest.param(
            timeline(
                (1_000, NAN),
                (2_000, 0.1),
                gates={1_000: Gate.CORRUPT},
                uncovered=[Span(500, 1_500)],
            ),
            [Unjudged(500, 1_500, "not sampled"), Unjudged(1_500, 2_000, "corrupt")],
            id="a-corrupt-frame-in-an-uncovered-span",
        ),
    ],
)
def test_unjudged_spans(line: Timeline, expected: list[Unjudged]) -> None:
    assert list(find_unjudged(line)) == expected


@given(timelines())
def test_a_moment_is_unjudged_if_uncovered_or_the_last_frame_was_bad(line: Timeline) -> None:
    found = find_unjudged(line)
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(found))

    inside = {t for span in found for t in range(span.start_ms, span.end_ms)}
    uncovered = {t for span in line.uncovered for t in range(span.start_ms, span.end_ms)}
    gates = dict(zip(line.timestamps_ms.tolist(), line.gates.tolist(), strict=True))
    is_bad = False
    for t in range(line.duration_ms):
        is_bad = not Gate(gates[t]).is_good if t in gates else is_bad
        is_bad = is_bad and not (t in uncovered and t not in gates and t - 1 not in uncovered)
        assert (t in inside) == (t in uncovered or is_bad)
