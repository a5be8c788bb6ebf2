"""How far one answer goes: `python -m tests.bench.groups`.

Real pictures, a person who is never wrong about what is shown, and no word about the others. Right
is a picture that was settled as what it truly is.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from pipeline.gathering import OwnSample, Seen, see_still, see_video, to_pictures
from pipeline.learning.asking import find_cards
from pipeline.learning.facts import Facts
from pipeline.learning.groups import group_pictures
from pipeline.learning.pictures import Pictures
from pipeline.media.here import DecoderHere
from pipeline.policies.read import find_policy
from pipeline.scoring.backend import Device, Precision
from pipeline.scoring.builtin import default_cache, find_model
from pipeline.scoring.session import Scorer, open_scorer
from tests.answerer import MODEL, Played, label_pictures, play
from tests.bench.footage import ROOT
from tests.bench.tables import markdown
from workers.folders import identify

SHARED = ROOT.parent / "shared" / "data"
HEADER = (
    "pictures", "different", "cut", "questions", "odd / not sure", "settled", "share", "an answer",
    "right", "guessed right",
)  # fmt: skip
GROWTH_HEADER = ("answers", "10 %", "20 %", "40 %", "60 %", "80 %", "100 %")
TIME_HEADER = ("pictures", "features", "grouping, s", "finding cards, s")
LAX_CUTS = (0.3, 0.4, 0.5)  # laxer than the rule: what it keeps the person from
MOMENTS = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """Pictures, the truth about each by its key, and where to cut; None = where the rule says."""

    name: str
    pictures: Pictures
    truth: dict[str, str]
    cut: float | None = None


def main() -> None:
    """Print the tables."""
    digits = load_digits()
    cases = [_digits(), *_seen_cases()]
    played = {}
    for case in cases:
        sys.stderr.write(f"{case.name}\n")
        played[case.name] = play(case.pictures, case.truth, cut=case.cut)
    rows = [_row(case, played[case.name]) for case in cases]
    sys.stdout.write(markdown(HEADER, rows) + "\n")
    growth = [_growth_row(case, played[case.name]) for case in cases]
    sys.stdout.write(markdown(GROWTH_HEADER, growth) + "\n")
    sys.stdout.write(markdown(TIME_HEADER, list(_time_rows(digits.data, (1_797, 10_000)))))


def _digits() -> Case:
    digits = load_digits()
    features = digits.data.astype(np.float32)
    return Case("digits, raw pixels", *label_pictures(features, digits.target.tolist()))


def _seen_cases() -> Iterator[Case]:
    if not SHARED.is_dir():
        sys.stderr.write(f"{SHARED} is absent: digits alone\n")
        return
    scorer, pictures = _open(), {}
    for folder in sorted((SHARED / "pictures").glob("*/*/")):
        pictures[folder.name] = sorted(folder.glob("*.*"))
    clothing = {n: paths for n, paths in pictures.items() if paths[0].parts[-3] == "clothing"}
    seen_pictures = {name: list(_stills(paths, scorer)) for name, paths in pictures.items()}
    garments = _case("clothing", {name: seen_pictures[name] for name in clothing})
    yield garments
    for cut in LAX_CUTS:
        yield replace(garments, name=f"clothing, --cut {cut}", cut=cut)
    yield _case("clothing and strangers", seen_pictures)
    frames: dict[int, dict[str, list[Seen]]] = {}
    for max_gap_ms in (1_000, 200):
        frames[max_gap_ms] = {
            path.stem.removesuffix("-480p").removesuffix("-720p"): []
            for path in sorted((SHARED / "videos").glob("*.mp4"))
        }
        for path in sorted((SHARED / "videos").glob("*.mp4")):
            name = path.stem.removesuffix("-480p").removesuffix("-720p")
            frames[max_gap_ms][name] += _frames(path, scorer, max_gap_ms)
        yield _case(f"frames, every {max_gap_ms:,} ms", frames[max_gap_ms])
    yield _case("all pictures and frames", seen_pictures | frames[200])


def _open() -> Scorer:
    manifest = find_model("efficientnet-lite0", cache=default_cache())
    return open_scorer(
        manifest, device=Device.CPU, device_id=0, precision=Precision.FP32, threads=1
    )


def _stills(paths: list[Path], scorer: Scorer) -> Iterator[Seen]:
    policy, sample = find_policy("default"), OwnSample()
    for path in paths:
        yield from see_still(
            path,
            submission_id=identify(path),
            policy=policy,
            scorer=scorer,
            decoder=DecoderHere(),
            sample=sample,
        )


def _frames(path: Path, scorer: Scorer, max_gap_ms: int) -> list[Seen]:
    policy = replace(find_policy("default"), max_gap_ms=max_gap_ms)
    sample = OwnSample()
    seen = see_video(
        path,
        submission_id=identify(path),
        policy=policy,
        scorer=scorer,
        decoder=DecoderHere(),
        sample=sample,
    )
    return list(seen)


def _case(name: str, seen: dict[str, list[Seen]]) -> Case:
    truth = {one.key: label for label, several in seen.items() for one in several}
    return Case(name, to_pictures([one for several in seen.values() for one in several]), truth)


def _row(case: Case, played: Played) -> tuple[str, ...]:
    kinds = [answer.kind for answer in played.log]
    guessed = [answer for answer in played.log if answer.guesses]
    hits = np.mean([one.name in one.guesses for one in guessed]) if guessed else 0.0
    settled = played.settled[-1] if played.settled else 0
    return (
        case.name,
        f"{len(set(played.grouping.originals.tolist())):,} of {len(case.pictures):,}",
        f"{played.grouping.cut:.3f}",
        str(len(kinds)),
        f"{kinds.count('odd')} / {kinds.count('later')}",  # type: ignore[arg-type] # StrEnum
        f"{settled:,}",
        f"{settled / len(case.pictures):.0%}",
        f"{played.per_answer:.1f}",
        f"{played.share_right:.2%}",
        f"{hits:.0%}",
    )


def _growth_row(case: Case, played: Played) -> tuple[str, ...]:
    steps = [max(1, round(share * len(played.settled))) for share in MOMENTS]
    return (case.name, *(f"{played.settled[i - 1]:,}" if played.settled else "0" for i in steps))


def _time_rows(digits: NDArray[np.float64], sizes: tuple[int, ...]) -> Iterator[tuple[str, ...]]:
    """Time grouping and the search for cards; more pictures are made by moving those there are."""
    for size in sizes:
        rng = np.random.default_rng(0)
        rows = np.arange(size) % len(digits)
        noise = 1.5 * rng.normal(size=(size, digits.shape[1]))
        noise[: len(digits)] = 0
        features = (digits[rows] + noise).astype(np.float32)
        pictures, _ = label_pictures(features, rows.tolist())
        began_s = time.perf_counter()
        grouping = group_pictures(pictures, Facts())
        grouped_s = time.perf_counter()
        find_cards(grouping, Facts(), model=MODEL, now_ms=0)
        found_s = time.perf_counter()
        yield (
            f"{size:,}",
            str(digits.shape[1]),
            f"{grouped_s - began_s:.2f}",
            f"{found_s - grouped_s:.2f}",
        )


if __name__ == "__main__":
    main()
