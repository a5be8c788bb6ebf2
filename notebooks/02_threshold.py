# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Where should the threshold stand, and what may one promise?
#
# A category's threshold decides which videos a person looks at. Too high, and what should have been
# removed is missed; too low, and the team drowns. This notebook answers: **with the labels we have,
# which threshold misses no more than 2 % of what people would remove, how sure is that, and what
# does it change?** `heatreel tune` does the same on your own reports and decisions.
#
# The data here are simulated, so that the truth is known and every promise can be checked.

# %%
import numpy as np
from scipy.stats import beta

from pipeline.learning.audit import Sample, audit_miss_rate
from pipeline.learning.costs import Costs, Team, buy_reviews, cost_thresholds
from pipeline.learning.drift import watch_drift
from pipeline.learning.score_calibration import (
    cross_calibrate,
    fit_calibrator,
    measure_reliability,
)
from pipeline.learning.thresholds import (
    ASSUMPTION,
    MissThreshold,
    threshold_for_miss,
    threshold_for_miss_mean,
)
from pipeline.learning.what_if import compare_thresholds

MAX_MISS, CONFIDENCE = 0.02, 0.95
PREVALENCE, REMOVED, ALLOWED = 0.08, (4, 2), (1, 8)  # the truth: two Beta distributions
OLD = 0.3  # the policy's threshold so far
rng = np.random.default_rng(0)


def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of n videos, and which of them people would remove."""
    is_positive = rng.random(n) < PREVALENCE
    scores = np.where(is_positive, rng.beta(*REMOVED, n), rng.beta(*ALLOWED, n))
    return scores, is_positive


# %% [markdown]
# ## The labels
#
# 8,000 videos, sampled **uniformly** among all that came in, were shown to people. Labels of videos
# that were reviewed *because of their scores* say nothing of what lies below the threshold.

# %%
scores, is_positive = draw(8_000)
ones = np.ones(len(scores))
print(f"{len(scores):,} labels, {is_positive.sum():,} removed")

# %% [markdown]
# ## Can the scores be believed?
#
# A confidence is the share of the videos with that score that people remove. Each line is a tenth
# of the videos or more (equal confidences stay together), calibrated by folds that had not seen
# their labels.

# %%
confidences = cross_calibrate(scores, is_positive, ones, rng=np.random.default_rng(0))
before = measure_reliability(scores, is_positive, ones, bins=10)
after = measure_reliability(confidences, is_positive, ones, bins=10)
print(f"expected calibration error: {before.error:.3f} as scored, {after.error:.3f} calibrated\n")
print("videos  confidence  removed")
for count, confidence, share in zip(after.counts, after.confidences, after.shares, strict=True):
    print(f"{count:6,}  {confidence:10.3f}  {share:7.3f}")
assert after.error < before.error

# %% [markdown]
# ## The threshold, and the guarantee
#
# The exact rule promises at 95 % confidence; the average rule, which is weaker, only on average.

# %%
exact = threshold_for_miss(scores, is_positive, max_miss=MAX_MISS, confidence=CONFIDENCE)
average = threshold_for_miss_mean(scores, is_positive, max_miss=MAX_MISS)
assert isinstance(exact, MissThreshold)
assert isinstance(average, MissThreshold)
for name, found in (("exact", exact), ("average", average)):
    truth = beta.cdf(found.threshold, *REMOVED)
    print(f"{name:8} {found.threshold:.4f}: {found.allowed} of {found.positives} may lie below it; "
          f"in truth it misses {truth:.2%}")  # fmt: skip
print(f"\nIt {ASSUMPTION}.")
assert beta.cdf(exact.threshold, *REMOVED) <= MAX_MISS
assert exact.threshold <= average.threshold

# %% [markdown]
# With fewer labels there is no such threshold, and the rule says how many are missing.

# %%
few = threshold_for_miss(
    scores[:1_000], is_positive[:1_000], max_miss=MAX_MISS, confidence=CONFIDENCE
)
print(few)
assert not isinstance(few, MissThreshold)

# %% [markdown]
# ## How much is missed today?

# %%
today = audit_miss_rate(
    Sample(scores, is_positive, ones), threshold=OLD, confidence=CONFIDENCE, rng=rng
)
print(f"at {OLD}: {today.rate:.2%} missed, 95 % interval {today.low:.2%} to {today.high:.2%}")
assert today.low <= beta.cdf(OLD, *REMOVED) <= today.high

# %% [markdown]
# ## What would it cost?
#
# In the seconds of a reviewer: a look 12, a miss an hour, a wrong removal ten minutes.

# %%
costs = cost_thresholds(
    Costs(review_s=12, miss_s=3600, false_remove_s=600, human_miss=0.05, human_false_remove=0.02)
)
calibrator = fit_calibrator(scores, is_positive, ones)
print(f"a look pays from a confidence of {costs.review:.3f} on, a removal unseen above "
      f"{costs.remove:.2f}: scores {calibrator.score_at(costs.review):.3f} and "
      f"{calibrator.score_at(costs.remove):.3f}")  # fmt: skip
for hours in (4, 8, 16, 32):
    team = Team(budget_s=3600 * hours, review_s=12, videos_a_day=20_000)
    bought = buy_reviews(scores, scores[is_positive], team=team, confidence=CONFIDENCE)
    print(f"{hours:2} hours a day buy {bought.reviews_a_day:6,.0f} reviews: all from "
          f"{bought.threshold:.3f} on, misses at most {bought.miss_bound:.1%}")  # fmt: skip

# %% [markdown]
# ## What if?
#
# Over a library of 20,000 videos, of which the first 8,000 are those with labels.

# %%
more, _ = draw(12_000)
library = np.concatenate([scores, more])[:, None]
known = np.concatenate([is_positive, np.zeros(12_000, bool)])
held = np.zeros(20_000, bool)
what_if = compare_thresholds(
    library, held, known, old=np.array([OLD]), new=np.array([exact.threshold])
)
print(f"{OLD} to {exact.threshold:.3f} would change {what_if.changed:,} of {what_if.videos:,}: "
      f"{what_if.more_reviews:+,} reviews ({what_if.more_hours(12):+.1f} h), "
      f"{len(what_if.known_misses)} known misses, {len(what_if.known_finds)} finds")  # fmt: skip
assert what_if.more_reviews > 0

# %% [markdown]
# ## Does it still hold?
#
# After every new uniform label one may look. The alarm goes off without a cause in at most 1 of 100
# such runs, however long they are.

# %%
later_scores, later = draw(3_000)
quiet = watch_drift(calibrator.to_confidences(later_scores), later, false_alarms=0.01)
more_removed = later | (rng.random(3_000) < 0.04)  # people have become stricter
loud = watch_drift(calibrator.to_confidences(later_scores), more_removed, false_alarms=0.01)
print(f"as before: alarm at {quiet.alarm_at} (-1 = never); stricter: alarm at {loud.alarm_at}")
assert quiet.alarm_at == -1
assert loud.alarm_at >= 0

# %% [markdown]
# ## Decision
#
# Set `review` to the exact threshold: `heatreel tune OUT --decisions decisions.csv --write
# policy.toml` writes it with its evidence. Where it says "more removals needed", sample more videos
# uniformly before promising anything.
