"""The library: the scores of all videos whose reports lie in a folder of outputs, as arrays."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import seal
from pipeline.errors import DecisionsError, ModelError, ReportError
from pipeline.learning.tuning import Labels
from pipeline.outputs.atomic import find_reports
from pipeline.outputs.names import to_printable
from pipeline.outputs.report_json import REPORT_NAME, read
from pipeline.records import ModelFacts, Outcome, Policy, ReasonKind, Report, Rule
from workers.decisions_file import Choice, Decision, SampledBy

Rows: TypeAlias = dict[tuple[int, str], Decision]


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """What the reports say of V videos and the K categories of a policy.

    Attributes:
        folders: where each video's outputs lie, by name.
        submission_ids: of each video.
        scores: shape (V, K), float64 in [0, 1]: the confidence by which the category's rule fires
            or not; NaN where nothing was scored.
        is_held: shape (V,), what goes to a person for a doubt or an error, whatever its scores.
        model: which model scored them all.
        strays: how many of them were scanned under another policy, or another version of it.
        faults: a line for each report that could not be read or is of other categories.
    """

    folders: tuple[Path, ...]
    submission_ids: tuple[str, ...]
    scores: NDArray[np.float64]
    is_held: NDArray[np.bool_]
    model: ModelFacts
    strays: int
    faults: tuple[str, ...]

    def __post_init__(self) -> None:
        seal(self)


def read_library(out: Path, policy: Policy) -> Library:
    """Read all reports in the folders of *out*.

    Raises:
        ReportError: if there is none of the policy's categories.
        ModelError: if they are of several models, or not of the policy's.
    """
    found: list[tuple[Path, Report]] = []
    faults: list[str] = []
    for folder in find_reports(out):
        try:
            report = read(folder / REPORT_NAME)
            _require_categories(folder, report, policy)
        except ReportError as fault:
            faults.append(str(fault))
        else:
            found.append((folder, report))
    if not found:
        raise ReportError(faults[0] if faults else f"{out}: no reports there")
    reports = [report for _, report in found]
    return Library(
        folders=tuple(folder for folder, _ in found),
        submission_ids=tuple(report.submission_id for report in reports),
        scores=np.array([_scores_of(report, policy) for report in reports], np.float64),
        is_held=np.array([_is_held(report) for report in reports], np.bool_),
        model=_one_model(reports, policy),
        strays=sum(report.policy_sha256 != policy.sha256 for report in reports),
        faults=tuple(faults),
    )


def find_rows(library: Library, decisions: Iterable[Decision], policy: Policy) -> Rows:
    """Return what was decided, by row of the library and category.

    A video that was decided about twice counts once, as drawn uniformly if it ever was.

    Raises:
        DecisionsError: if a video or a category is unknown, or two rows contradict each other; it
            names the row.
    """
    places: dict[str, int] = {}
    for i, (folder, name) in enumerate(zip(library.folders, library.submission_ids, strict=True)):
        places.setdefault(name, i)
        places.setdefault(folder.name, i)
    rows: Rows = {}
    for one in decisions:
        place = places.get(one.video, places.get(one.video.removeprefix("'"), -1))
        if place < 0:
            raise DecisionsError(f"row {one.row}: no report of {_show(one.video)}")
        if one.category not in policy.categories:
            known = ", ".join(policy.categories)
            raise DecisionsError(
                f"row {one.row}: the policy has no category {_show(one.category)}, but {known}"
            )
        before = rows.setdefault((place, one.category), one)
        if before.choice is not one.choice:
            raise DecisionsError(
                f"row {one.row}: says {one.choice} of {_show(one.video)}, row {before.row} says "
                f"{before.choice}"
            )
        if one.sampled_by is SampledBy.UNIFORM and before.sampled_by is not SampledBy.UNIFORM:
            rows[place, one.category] = one
    return rows


def to_labels(library: Library, rows: Rows, policy: Policy, category: str) -> Labels:
    """Return what was decided about one category's videos, with their scores."""
    own = [(place, one) for (place, name), one in rows.items() if name == category]
    places = np.array([place for place, _ in own], np.int64)
    scores = library.scores[places, policy.categories.index(category)]
    is_other = np.array([one.sampled_by is SampledBy.OTHER for _, one in own], np.bool_)
    is_positive = np.array([one.choice is Choice.REMOVE for _, one in own], np.bool_)
    probabilities = np.array([one.probability for _, one in own], np.float64)
    is_uniform = np.array([one.sampled_by is SampledBy.UNIFORM for _, one in own], np.bool_)
    kept = ~is_other & ~np.isnan(scores)
    return Labels(
        scores=scores[kept],
        is_positive=is_positive[kept],
        probabilities=probabilities[kept],
        is_uniform=is_uniform[kept],
        unscored=int(np.count_nonzero(np.isnan(scores))),
        others=int(np.count_nonzero(is_other & ~np.isnan(scores))),
    )


def find_removed(library: Library, rows: Rows) -> NDArray[np.bool_]:
    """Return which videos a person decided to remove, for any category, shape (V,)."""
    is_removed = np.zeros(len(library.folders), np.bool_)
    for (place, _), one in rows.items():
        is_removed[place] |= one.choice is Choice.REMOVE
    return is_removed


def _require_categories(folder: Path, report: Report, policy: Policy) -> None:
    """Raise ReportError if a report is not of the policy's categories; one of an error has none."""
    known = {summary.category for summary in report.judgement.categories}
    is_error = report.judgement.verdict.outcome is Outcome.ERROR
    if not is_error and not known >= set(policy.categories):
        raise ReportError(
            f"{folder}: was scanned under {_show(report.policy_id)}, which has other categories"
        )


def _scores_of(report: Report, policy: Policy) -> list[float]:
    confidences = {one.category: one.confidence for one in report.judgement.categories}
    return [
        float(np.fmax(confidences.get(rule.category, np.nan), _lone_peak(report, rule, policy)))
        for rule in policy.rules
    ]


def _lone_peak(report: Report, rule: Rule, policy: Policy) -> float:
    """Return the highest peak, borne out or not, where a lone one is enough; else NaN."""
    if not rule.is_strict and ReasonKind.UNCONFIRMED not in policy.doubts:
        return np.nan
    own = (one.max_score for one in report.judgement.segments if one.category == rule.category)
    return max(own, default=np.nan)


def _is_held(report: Report) -> bool:
    """Whether something other than a score sends it to a person."""
    scored = (ReasonKind.THRESHOLD, ReasonKind.UNCONFIRMED)
    return any(reason.kind not in scored for reason in report.judgement.verdict.reasons)


def _one_model(reports: Sequence[Report], policy: Policy) -> ModelFacts:
    models = {report.model.sha256: report.model for report in reports}
    if len(models) > 1:
        names = ", ".join(f"{_show(m.model_id)} {m.sha256[:8]}" for m in models.values())
        raise ModelError(
            f"the reports are of {len(models)} models, whose scores do not compare: {names}"
        )
    model = next(iter(models.values()))
    if model.model_id != policy.model:
        raise ModelError(
            f"the reports are of the model {_show(model.model_id)}, the policy is for "
            f"{policy.model!r}"
        )
    return model


def _show(text: str) -> str:
    return f"'{to_printable(text[:80])}'"
