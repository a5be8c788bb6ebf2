"""Votes measured: errors among the answered against the share answered, ours against majority.

`python -m tests.bench.votes ../shared/data/pictures [--plot risk.png] [--choose]`

A head is fitted on half of the pictures of clothes; submissions are made of the other half, which
has no part in anything that is fitted or chosen. Pictures of one class stand for pictures of one
object. The constants were chosen with --choose: on seed 0, on the half that the head is fitted on,
out of fold.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum
from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.judging.opinions import with_none
from pipeline.judging.vote import vote
from pipeline.learning.calibrate import calibration_error
from pipeline.policies.candidates import find_candidates
from pipeline.scoring.backend import Device, Precision
from pipeline.scoring.builtin import default_cache, find_model
from pipeline.scoring.session import open_scorer
from pipeline.votes import Ballots, Candidates, DoubtKind, Vote, VoteRule
from tests.bench.tables import markdown
from tests.bench.vote_pictures import OK, Shots, make_shots
from tests.bench.vote_sets import (
    Submission,
    candidates_like,
    classes_of,
    fit_head,
    fit_out_of_fold,
    make_submissions,
    split,
    to_ballots,
)

SEEDS = (1, 2, 3, 4, 5)
SETS = 2_000
COVERAGES = (0.6, 0.7, 0.8, 0.9, 1.0)
STRAY_SHARE, INDEPENDENCE = 0.15, 0.85  # chosen, see above
STRAY_SHARES, INDEPENDENCES = (0.05, 0.1, 0.15, 0.25, 0.35), (0.0, 0.5, 0.7, 0.85, 1.0)
COLOURS = ("tab:red", "tab:orange", "tab:blue")  # everybody votes, gated, no strangers
TURNOUT = {DoubtKind.FEW_PICTURES, DoubtKind.STRANGERS}


class Order(Enum):
    """What says how sure a majority is: which submissions are answered first."""

    VOTES = "by votes"  # the margin of votes, then the mean confidence
    SCORE = "by score"  # the mean confidence in the winner


@dataclass(frozen=True, slots=True)
class Way:
    """One way to come to an answer: a rule, who may vote, and what says how sure it is."""

    name: str
    rule: VoteRule
    has_gate: bool
    has_strangers: bool
    order: Order

    def voting(self) -> tuple[VoteRule, bool, bool]:
        """Return what decides the votes, which the order does not."""
        return self.rule, self.has_gate, self.has_strangers


def _majorities() -> Iterator[Way]:
    for name, has_gate, has_strangers in (
        ("as a blog would", False, False),
        ("gate", True, False),
        ("gate, no strangers", True, True),
    ):
        for order in Order:
            title = f"majority, {name}, {order.value}"
            yield Way(title, VoteRule.MAJORITY, has_gate, has_strangers, order)


MAJORITIES = tuple(_majorities())
WAYS = (
    *MAJORITIES,
    Way("pooled, gate", VoteRule.POOLED, has_gate=True, has_strangers=False, order=Order.SCORE),
    Way(
        "pooled, gate, no strangers",
        VoteRule.POOLED,
        has_gate=True,
        has_strangers=True,
        order=Order.SCORE,
    ),
)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What one way came to on S submissions, the surest first.

    Attributes:
        is_wrong: shape (S,), bool; where nobody voted, or there is no right answer, too.
        is_known: shape (S,), bool: whether there is a right answer.
        confidences: shape (S,), of the best candidate, 0 where nobody voted.
        has_answer: shape (S,), bool: whether the vote had an answer under the thresholds.
        is_hopeless: shape (S,), bool: whether no good picture of the right class is among it.
    """

    is_wrong: NDArray[np.bool_]
    is_known: NDArray[np.bool_]
    confidences: NDArray[np.float64]
    has_answer: NDArray[np.bool_]
    is_hopeless: NDArray[np.bool_]

    def of_known(self) -> "Outcome":
        """Return the same for the submissions that have a right answer."""
        return Outcome(*(getattr(self, field.name)[self.is_known] for field in fields(self)))

    @property
    def risks(self) -> NDArray[np.float64]:
        """Shape (S,): the share of errors among the surest 1, 2, ... S."""
        return np.asarray(np.cumsum(self.is_wrong) / np.arange(1, len(self.is_wrong) + 1))

    def risk_at(self, coverage: float) -> float:
        """Return the share of errors among the surest *coverage*."""
        return float(self.risks[max(0, round(coverage * len(self.risks)) - 1)])

    def floor_at(self, coverage: float) -> float:
        """Return the share of errors among *coverage* that nobody could avoid."""
        return max(0.0, coverage - 1 + float(self.is_hopeless.mean())) / coverage

    @property
    def figures(self) -> list[float]:
        """Area under the curve, and the risk at each of COVERAGES."""
        return [float(self.risks.mean()), *(self.risk_at(each) for each in COVERAGES)]


def main() -> None:
    """Measure, and write the tables to stdout."""
    options = _options()
    objects = find_candidates("objects")
    scorer = open_scorer(
        find_model(objects.model, cache=default_cache()),
        device=Device.CPU,
        device_id=0,
        precision=Precision.FP32,
        threads=1,
    )
    shots = make_shots(options.pictures, scorer, objects)
    pooling = replace(objects.pooling, stray_share=STRAY_SHARE, independence=INDEPENDENCE)
    candidates = candidates_like(replace(objects, pooling=pooling), shots)
    if options.choose:
        _write_choices(shots, candidates)
        return
    outcomes = [_measure_seed(shots, candidates, seed) for seed in SEEDS]
    _write_heads(shots)
    for title, found in (
        ("All submissions", outcomes),
        ("Those with a right answer", [[each.of_known() for each in one] for one in outcomes]),
    ):
        sys.stdout.write(
            f"\n{title}: {len(SEEDS)} seeds of {SETS:,}, mean (standard deviation)\n\n"
        )
        _write_curves(found)
    _write_answers(outcomes, candidates)
    if options.plot:
        _plot(outcomes, options.plot)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.votes", description=__doc__)
    parser.add_argument("pictures", type=Path, help="the folder of pictures")
    parser.add_argument("--plot", type=Path, help="draw the risk-coverage curves into this PNG")
    parser.add_argument("--choose", action="store_true", help="show what constants would do")
    return parser.parse_args()


def _measure_seed(shots: Shots, candidates: Candidates, seed: int) -> list[Outcome]:
    """Return the outcome of each way on the half that nothing was fitted on."""
    rng = np.random.default_rng(seed)
    fit, held_out = split(shots, rng)
    said = fit_head(shots, fit)
    submissions = make_submissions(shots, held_out, SETS, rng)
    return [
        outcome
        for (rule, has_gate, has_strangers), ways in groupby(WAYS, key=Way.voting)
        for outcome in _measure(
            submissions,
            [
                to_ballots(
                    shots,
                    said,
                    each.rows,
                    candidates,
                    has_gate=has_gate,
                    has_strangers=has_strangers,
                )
                for each in submissions
            ],
            candidates,
            rule,
            [way.order for way in ways],
        )
    ]


def _measure(
    submissions: Sequence[Submission],
    ballots: Sequence[Ballots],
    candidates: Candidates,
    rule: VoteRule,
    orders: Sequence[Order],
) -> list[Outcome]:
    """Return what one way of voting comes to, in each order."""
    votes = [vote(each, candidates, rule=rule, text=None) for each in ballots]
    found = []
    for order in orders:
        rows = [
            (_sureness(voted, cast, candidates, order), *_facts(each, voted, candidates))
            for each, voted, cast in zip(submissions, votes, ballots, strict=True)
        ]
        rows.sort(key=lambda row: row[0], reverse=True)
        _, *columns = zip(*rows, strict=True)
        found.append(Outcome(*(np.array(column) for column in columns)))
    return found


def _facts(
    submission: Submission, voted: Vote, candidates: Candidates
) -> tuple[bool, bool, float, bool, bool]:
    """Return a row of Outcome."""
    best, truth = (voted.best[0] if voted.best else None), submission.truth
    is_right = best is not None and truth is not None and best.name == candidates.names[truth]
    confidence = best.confidence if best else 0.0
    answered = voted.answer is not None
    return not is_right, truth is not None, confidence, answered, submission.is_hopeless


def _sureness(
    voted: Vote, ballots: Ballots, candidates: Candidates, order: Order
) -> tuple[float, ...]:
    """Return the key by which submissions are answered, the highest first.

    Those without doubts about who voted, then by the pooled confidence, or as *order* says.
    """
    if not voted.best:
        return (0.0, 0.0, 0.0)
    is_sound = float(not any(doubt.kind in TURNOUT for doubt in voted.doubts))
    if voted.rule is VoteRule.POOLED:
        return (is_sound, voted.best[0].confidence, 0.0)
    voters = [i for i, picture in enumerate(voted.pictures) if picture.weight > 0]
    column = candidates.names.index(voted.best[0].name)
    mean = with_none(ballots.confidences[voters])[:, column].mean()
    return (is_sound, voted.margin if order is Order.VOTES else 0.0, float(mean))


def _write_heads(shots: Shots) -> None:
    """Write what the pictures by themselves are worth."""
    rows = []
    for seed in SEEDS:
        fit, held_out = split(shots, np.random.default_rng(seed))
        said = fit_head(shots, fit)
        names = np.array(classes_of(shots))
        is_right = names[said.confidences[held_out].argmax(axis=1)] == shots.folders[held_out]
        strangers = said.is_stranger[held_out].mean()
        rows.append((str(seed), f"{said.temperature:.2f}", f"{is_right.mean():.3f}",
                     f"{strangers:.3f}"))  # fmt: skip
    header = ("seed", "temperature", "accuracy of one good picture", "called strangers")
    sys.stdout.write(f"{shots.kinds.tolist().count(OK)} pictures\n\n{markdown(header, rows)}")


def _write_curves(outcomes: Sequence[Sequence[Outcome]]) -> None:
    header = ("way", "area", *(f"errors at {coverage:.0%}" for coverage in COVERAGES))
    sys.stdout.write(markdown(header, list(_curve_rows(outcomes))))


def _curve_rows(outcomes: Sequence[Sequence[Outcome]]) -> Iterator[tuple[str, ...]]:
    """Yield a row a way: its figures, and under ours what they are of each majority's."""
    figures = np.array([[each.figures for each in one] for one in outcomes])  # seeds, ways, figures
    for i, way in enumerate(WAYS):
        means, spreads = figures[:, i].mean(axis=0), figures[:, i].std(axis=0, ddof=1)
        pairs = zip(means, spreads, strict=True)
        yield (way.name, *(f"{mean:.3f} ({spread:.3f})" for mean, spread in pairs))
    floors = np.array([[one[0].floor_at(each) for each in COVERAGES] for one in outcomes])
    yield ("nobody could know", "", *(f"{floor:.3f}" for floor in floors.mean(axis=0)))
    for i in range(len(MAJORITIES)):
        ratios = figures[:, -1] / figures[:, i]
        pairs = zip(ratios.mean(axis=0), ratios.std(axis=0, ddof=1), strict=True)
        name = f"*pooled, gate, no strangers : {WAYS[i].name}*"
        yield (name, *(f"{mean:.2f} ({spread:.2f})" for mean, spread in pairs))


def _write_answers(outcomes: Sequence[Sequence[Outcome]], candidates: Candidates) -> None:
    """Write what the thresholds of the shipped file make of it."""
    wanted = candidates.answer
    sys.stdout.write(f"\nUnder the thresholds of objects.toml ({wanted}):\n\n")
    rows = [
        (way.name, *_answer_figures([one[i] for one in outcomes])) for i, way in enumerate(WAYS)
    ]
    header = ("way", "answered", "errors among them", "answered of no known class", "ECE of known")
    sys.stdout.write(markdown(header, rows))


def _answer_figures(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    answered, wrong, known, confidences = (
        np.concatenate([getattr(each, name) for each in outcomes])
        for name in ("has_answer", "is_wrong", "is_known", "confidences")
    )
    is_rated = known & (confidences > 0)
    error = calibration_error(confidences[is_rated], ~wrong[is_rated], bins=15)
    figures = (answered.mean(), wrong[answered].mean(), answered[~known].mean(), error)
    return tuple(f"{figure:.3f}" for figure in figures)


def _write_choices(shots: Shots, candidates: Candidates) -> None:
    """Write what constants do on seed 0, on the half that heads are fitted on, out of fold."""
    rng = np.random.default_rng(0)
    fit, _ = split(shots, rng)
    said = fit_out_of_fold(shots, fit)
    submissions = make_submissions(shots, fit, SETS, rng)
    gated = {"has_gate": True, "has_strangers": True}
    ballots = [to_ballots(shots, said, each.rows, candidates, **gated) for each in submissions]
    rows = []
    for stray_share in STRAY_SHARES:
        for independence in INDEPENDENCES:
            pooling = replace(
                candidates.pooling, stray_share=stray_share, independence=independence
            )
            tried = replace(candidates, pooling=pooling)
            (found,) = _measure(submissions, ballots, tried, VoteRule.POOLED, [Order.SCORE])
            sure = np.where(found.is_wrong, 1 - found.confidences, found.confidences)
            loss = float(-np.log(np.maximum(sure[found.is_known], 1e-6)).mean())
            figures = [*found.figures, loss]
            rows.append((f"{stray_share}, {independence}", *(f"{each:.3f}" for each in figures)))
    header = ("stray_share, independence", "area", *(f"at {c:.0%}" for c in COVERAGES), "log-loss")
    sys.stdout.write(markdown(header, rows))


def _plot(outcomes: Sequence[Sequence[Outcome]], path: Path) -> None:
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    share = np.arange(1, SETS + 1) / SETS
    for i, way in enumerate(WAYS):
        curves = np.array([one[i].risks for one in outcomes])
        low, high = curves.min(axis=0), curves.max(axis=0)
        is_majority = way.rule is VoteRule.MAJORITY
        style = {Order.VOTES: "--", Order.SCORE: ":"}[way.order] if is_majority else "-"
        colour = COLOURS[way.has_gate + way.has_strangers]
        axes.plot(share, curves.mean(axis=0), style, label=way.name, linewidth=2, color=colour)
        axes.fill_between(share, low, high, color=colour, alpha=0.1, linewidth=0)
    floor = [np.mean([one[0].floor_at(each) for one in outcomes]) for each in share.tolist()]
    axes.plot(share, floor, "-", color="grey", linewidth=1, label="nobody could know")
    axes.set(xlim=(0.1, 1), ylim=(0, 0.42), xlabel="share of submissions answered, surest first")
    axes.set(ylabel="errors among the answered", title="Votes: risk against coverage")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
