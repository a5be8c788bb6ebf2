"""Which method tells strangers best: `python -m tests.bench.strangers ../shared/data/pictures`.

Familiar are some classes of clothing, or some videos, seen by efficientnet-lite0 with a logistic
head for these classes; strangers are what lies near (the other classes, the other videos) and what
lies far. AUROC is the chance that a stranger scores above what is familiar; FPR95 the share of
strangers that pass where 95 % of what is familiar does. Means over several splits.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from pipeline.judging import ood
from pipeline.learning.bank import Familiar, Method
from pipeline.scoring.backend import Device, Precision
from pipeline.scoring.builtin import default_cache, find_model
from pipeline.scoring.session import open_scorer
from tests.bench.stranger_pictures import (
    draw_patterns,
    read_folder,
    read_photographs,
    read_video,
    show,
)
from tests.bench.tables import markdown

SPLITS = 5
CLASSES = 6  # of ten of clothing that are familiar
GAP_MS = 500
RIDGE = 0.1
NEGATIVES = 150
DEFAULT = "KNN"

Array = NDArray[np.float32]
Sets = Mapping[str, Array]
Asks = Mapping[str, Callable[[Array], Array]]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """What is familiar in one split, and what is not.

    Attributes:
        bank: features of the pictures that the head was trained on.
        classes: ids of their classes.
        familiar: features of other pictures of these classes.
        near: features of strangers that are like them.
        far: and of those that are not, by the name of their set.
    """

    bank: Array
    classes: NDArray[np.int64]
    familiar: Array
    near: Array
    far: Sets


def main() -> None:
    """Measure, and write the tables to stdout."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.strangers", description=__doc__)
    parser.add_argument("pictures", type=Path, help="the folder of pictures; videos lie beside it")
    clothes, videos, others = see_all(parser.parse_args().pictures)
    far = {**others, **{f"video: {name}": shown for name, shown in videos.items()}}
    for per_class in (25, 10):
        title = f"{CLASSES} classes of clothing, {per_class} pictures of each in the bank"
        tell_table(title, [split_of(clothes, far, CLASSES, per_class, s) for s in range(SPLITS)])
    clothing = {"clothing": np.concatenate(list(clothes.values()))}
    splits = [split_of(videos, {**others, **clothing}, 2, 10, s) for s in range(SPLITS)]
    tell_table("Frames of 2 of 3 videos, 10 frames of each in the bank", splits)
    tell_negatives([split_of(clothes, far, CLASSES, 25, s) for s in range(SPLITS)])
    tell_time()


def see_all(pictures: Path) -> tuple[Sets, Sets, Sets]:
    """Return the features of the clothes by class, of the videos, and of all else."""
    scorer = open_scorer(
        find_model("efficientnet-lite0", cache=default_cache()),
        device=Device.CPU,
        device_id=0,
        precision=Precision.FP32,
        threads=0,
    )
    folders = sorted((pictures / "clothing").iterdir())
    clothes = {one.name: show(scorer, read_folder(scorer, one)) for one in folders}
    paths = sorted((pictures.parent / "videos").glob("*.mp4"))
    videos = {one.stem: show(scorer, read_video(scorer, one, GAP_MS)) for one in paths}
    # The same film in two sizes is one video.
    bunny = [videos.pop(name) for name in sorted(videos) if name.startswith("big-buck-bunny")]
    cells = pictures / "strangers" / "blood-cells"
    return (
        clothes,
        {**videos, "big-buck-bunny": np.concatenate(bunny)},
        {
            "blood cells": show(scorer, read_folder(scorer, cells)),
            "scikit-image": show(scorer, read_photographs()),
            "patterns": show(scorer, draw_patterns(np.random.default_rng(0))),
        },
    )


def split_of(known: Sets, far: Sets, classes: int, per_class: int, seed: int) -> Split:
    """Return a split: so many classes are familiar, so many pictures of each are in the bank."""
    rng = np.random.default_rng(seed)
    names = rng.permutation(sorted(known)).tolist()
    shuffled = [rng.permutation(known[name]) for name in names]
    inside, outside = shuffled[:classes], shuffled[classes:]
    return Split(
        bank=np.concatenate([one[:per_class] for one in inside]),
        classes=np.repeat(np.arange(classes), per_class),
        familiar=np.concatenate([one[per_class:] for one in inside]),
        near=np.concatenate(outside),
        far=far,
    )


def methods_of(split: Split) -> Asks:
    """Return every method, fitted on a split's bank; each takes features."""
    head = LogisticRegression(max_iter=3000).fit(split.bank, split.classes)
    weights, bias = head.coef_.astype(np.float32), head.intercept_.astype(np.float32)
    if len(weights) == 1:  # two classes have one row of weights
        weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2

    def logits(features: Array) -> Array:
        return np.asarray(features @ weights.T + bias, dtype=np.float32)

    bank, given = ood.normalise(split.bank), logits(split.bank)
    gaussians = ood.fit_mahalanobis(bank, split.classes, ridge=RIDGE)
    mean = bank.mean(axis=0, dtype=np.float64)
    virtual = ood.fit_vim(bank, given, origin=mean, directions=len(bank) // 2)
    high, apart = scale_of(ood.max_logit(given)), scale_of(distances_within(bank))
    return {
        "maximum softmax": lambda x: ood.maximum_softmax(logits(x)),
        "max logit": lambda x: ood.max_logit(logits(x)),
        "energy": lambda x: ood.energy(logits(x)),
        "GEN": lambda x: ood.gen(logits(x)),
        DEFAULT: lambda x: ood.knn(x, bank),
        "Mahalanobis++": lambda x: ood.mahalanobis(x, gaussians),
        "ViM": lambda x: ood.vim(x, logits(x), virtual),
        "max logit + KNN": lambda x: ood.standardised_sum(
            (ood.max_logit(logits(x)), high), (ood.knn(x, bank), apart)
        ),
    }


def distances_within(bank: Array) -> Array:
    """Return each row's mean distance to the 5 nearest others."""
    alike = bank @ bank.T
    np.fill_diagonal(alike, -np.inf)
    return np.asarray(1 - np.sort(alike, axis=1)[:, -ood.NEIGHBOURS :].mean(axis=1))


def scale_of(scores: Array) -> ood.Scale:
    return ood.Scale(float(scores.mean()), float(scores.std()))


def auroc(familiar: Array, strangers: Array) -> float:
    truth = np.repeat([0, 1], [len(familiar), len(strangers)])
    return float(roc_auc_score(truth, np.concatenate([familiar, strangers])))


def fpr95(familiar: Array, strangers: Array) -> float:
    return float(np.mean(strangers <= np.quantile(familiar, 0.95)))


def tell_table(title: str, splits: Sequence[Split]) -> None:
    """Write a row a method: near, each far set, and the mean of these."""
    figures: dict[str, list[list[tuple[float, float]]]] = {}
    for split in splits:
        for name, method in methods_of(split).items():
            familiar = method(split.familiar)
            scores = [method(one) for one in (split.near, *split.far.values())]
            figures.setdefault(name, []).append(
                [(auroc(familiar, one), fpr95(familiar, one)) for one in scores]
            )
    header = ("AUROC / FPR95", "near", *splits[0].far, "mean of far")
    rows = []
    for name, found in figures.items():
        means = np.mean(found, axis=0)
        cells = [*means, means[1:].mean(axis=0)]
        rows.append((name, *(f"{a:.3f} / {f:.3f}" for a, f in cells)))
    sys.stdout.write(f"{title}; {SPLITS} splits:\n\n{markdown(header, rows)}\n")


def tell_negatives(splits: Sequence[Split]) -> None:
    """Write what pictures of other strangers add, those of the set that is tested left out."""
    figures: dict[str, list[list[float]]] = {}
    for seed, split in enumerate(splits):
        bank, rng = ood.normalise(split.bank), np.random.default_rng(seed)
        tested = {"near": split.near, **split.far}
        for weight in (0.0, 0.5, 1.0):
            found = []
            for name, strangers in tested.items():
                negatives = ood.normalise(draw_negatives(split, name, rng))
                scores = [
                    ood.knn(x, bank) - weight * ood.knn(x, negatives)
                    for x in (split.familiar, strangers)
                ]
                found.append(fpr95(scores[0], scores[1]))
            figures.setdefault(f"KNN - {weight:g} x KNN to negatives", []).append(found)
        for title, share in (("without", 0), ("with", 1)):
            found = []
            for name, strangers in tested.items():
                negatives = draw_negatives(split, name, rng)[: share * NEGATIVES]
                ask = softmax_beside(split, negatives)
                found.append(fpr95(ask(split.familiar), ask(strangers)))
            figures.setdefault(f"maximum softmax, {title} a negative class", []).append(found)
    rows = [
        (name, f"{np.mean(found, axis=0)[0]:.3f}", f"{np.mean(found, axis=0)[1:].mean():.3f}")
        for name, found in figures.items()
    ]
    sys.stdout.write(
        f"{NEGATIVES} negatives of the far sets, but for the one that is tested; FPR95:\n\n"
        f"{markdown(('score', 'near', 'mean of far'), rows)}\n"
    )


def draw_negatives(split: Split, tested: str, rng: np.random.Generator) -> Array:
    """Return features of far strangers of all sets but the one that is tested."""
    others = np.concatenate([x for other, x in split.far.items() if other != tested])
    return np.asarray(rng.permutation(others)[:NEGATIVES], dtype=np.float32)


def softmax_beside(split: Split, negatives: Array) -> Callable[[Array], Array]:
    """Return the negated softmax of the likeliest class, a class of negatives not counted."""
    known = int(split.classes.max()) + 1
    given = np.concatenate([split.classes, np.full(len(negatives), known)])
    features = np.concatenate([split.bank, negatives])
    head = LogisticRegression(max_iter=3000).fit(features, given)
    return lambda x: np.asarray(-head.predict_proba(x)[:, :known].max(axis=1))


def tell_time() -> None:
    """Write what a frame costs with a full bank, in the batches that a CPU and a GPU score."""
    rng = np.random.default_rng(0)
    rows = []
    basis = np.linalg.qr(rng.normal(size=(1280, 256)))[0].T.astype(np.float32)
    bank = ood.normalise(rng.normal(size=(10_000, 1280)).astype(np.float32)) @ basis.T
    scale = ood.Scale(0.0, 1.0)
    for method in Method:
        familiar = Familiar(method, basis, bank, scale, scale)
        cells = []
        for n in (1, 4, 64):
            features = rng.normal(size=(n, 1280)).astype(np.float32)
            logits = rng.normal(size=(n, 1000)).astype(np.float32)
            cells.append(f"{1000 * median_s(familiar, features, logits) / n:.2f}")
        rows.append((method.value, *cells))
    header = ("ms a frame, bank of 10,000", "1 at once", "4 at once", "64 at once")
    sys.stdout.write(markdown(header, rows))


def median_s(familiar: Familiar, features: Array, logits: Array) -> float:
    """Return the median seconds that a comparison takes."""
    taken = []
    for _ in range(31):
        began = time.perf_counter()
        familiar.score(features, logits)
        taken.append(time.perf_counter() - began)
    return float(np.median(taken))


if __name__ == "__main__":
    main()
