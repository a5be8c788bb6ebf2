"""`heatreel tune`, as its users type it."""

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.learning.thresholds import TooFew
from pipeline.policies.read import find_policy
from pipeline.records import Reason, ReasonKind, Segment
from tests.workers.tune_parts import NAN, NUDITY, House, error_report, heatreel, make_report
from workers.tune_words import say_guarantee

TWO = NUDITY + '\n[rules.gore]\nlabels = ["gore"]\nreview = 0.5\nmin_duration_ms = 0\n' + (
    "strict = false\nseverity = 2\n"
)  # fmt: skip


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return 200 removals from 0.4 on and 100 others: a threshold at the lowest of the former."""
    house = House(tmp_path_factory.mktemp("tuned"))
    house.fill(200, 100)
    house.add("undecided", 0.35)
    return house


def told(house: House, *words: str | Path) -> Any:
    return json.loads(house.tune("--json", *words).stdout)


def fault(house: House, *words: str | Path, code: int = 2) -> str:
    """Return the one line on standard error of a run that fails."""
    done = house.tune(*words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("heatreel: ").rstrip("\n")


class TestTelling:
    """What is printed."""

    def test_a_category_has_its_lines(self, tuned: House) -> None:
        done = tuned.tune("--hours-a-day", "1", "--videos-a-day", "500")

        assert (done.exit_code, done.stderr) == (0, "")
        for expected in (
            r"nudity: 300 labels \(200 removed\), 300 of them sampled uniformly \(200 removed\)",
            r"calibration  Platt; expected calibration error 0\.\d+ as scored, 0\.\d+ calibrated",
            r"misses now   0 % at 0\.3 \(0 of 200 .* 95 % interval 0 % to 1\.83 %\)",
            r"threshold    0\.4 misses at most 2 % at 95 % confidence \(0 of 200 removals may ",
            r"lie below it; bound 1\.49 %\)",
            r"weaker       0\.4\d+ misses at most 2 % on average \(3 of 200",
            r"by cost      a review pays from confidence 0\.007, a removal unseen above 0\.75: ",
            r"a day buys   \d+ reviews: all from 0\.\d+ on; misses at most",
            r"would change 21 of 301 videos: 21 fewer reviews \(0\.1 h\)\n",
            r"    review to pass  \S+/out/good-60/heatmap\.png\n",
            r"    and 1 more; --json names all",
            r"A guarantee holds if the labels are a uniform sample",
        ):
            assert re.search(expected, done.stdout), expected

    def test_machines_get_one_object(self, tuned: House) -> None:
        found = told(tuned)

        assert found["policy"]["sha256"] == tuned.policy.sha256
        nudity = found["categories"]["nudity"]
        assert nudity["guarantee"]["threshold"] == 0.4
        assert nudity["review"] == 0.3999999
        assert (nudity["uniform_removed"], nudity["capacity"]) == (200, None)
        assert found["what_if"]["more_reviews"] == -21
        assert str(tuned.out / "undecided") in found["what_if"]["dropped"]
        assert found["categories"]["nudity"]["what_if"] == found["what_if"]

    def test_equal_input_is_equal_output(self, tuned: House) -> None:
        assert tuned.tune().stdout == tuned.tune().stdout

    def test_too_few_labels_say_how_many_are_missing(self, tmp_path: Path) -> None:
        house = House(tmp_path)
        house.fill(100, 50)
        done = house.tune()

        assert done.exit_code == 4
        assert "none: 49 more uniformly sampled removals needed (100 there) for 2 %" in done.stdout
        assert "weaker       0.40" in done.stdout
        assert "would change" not in done.stdout

    def test_only_uniform_labels_count(self, tmp_path: Path) -> None:
        house = House(tmp_path)
        house.fill(150, 50)
        house.rows = [(*row[:3], "review") for row in house.rows]
        done = house.tune()

        assert done.exit_code == 4
        assert "149 more uniformly sampled removals needed (0 there)" in done.stdout
        assert "Platt; expected calibration error" in done.stdout
        assert "unknown at 0.3: no uniformly sampled removals" in done.stdout

    def test_what_has_no_score_or_was_sampled_otherwise_is_left_out(self, tmp_path: Path) -> None:
        house = House(tmp_path)
        house.fill(150, 50)
        house.add("blank", NAN, "remove")
        house.put("broken", error_report("broken", house.policy))
        house.rows.append(("broken", "nudity", "remove", "uniform"))
        house.add("appeal", 0.01, "remove", "other")
        done = house.tune()

        assert done.exit_code == 0
        assert "200 labels (150 removed)" in done.stdout
        assert "; 2 without a score left out: they always go to a person" in done.stdout
        assert "; 1 sampled otherwise left out" in done.stdout

    def test_a_miss_that_is_known_is_told_first(self, tmp_path: Path) -> None:
        house = House(tmp_path)
        house.fill(200, 100)
        house.add("zz-appeal", 0.35, "remove", "other")
        done = house.tune()

        assert "21 fewer reviews (0.1 h), 1 known miss" in done.stdout
        changed = [line for line in done.stdout.splitlines() if "review to pass" in line]
        assert changed[0].endswith("zz-appeal/heatmap.png  a person removed it")

    def test_a_threshold_below_the_one_that_was_scanned_under_is_provisional(
        self, tmp_path: Path
    ) -> None:
        """What lies between the two was never looked at again."""
        house = House(tmp_path)
        house.fill(200, 100, lowest=0.2)
        done = house.tune()

        assert "provisional: below 0.3, peaks were not looked at again" in done.stdout
        assert told(house)["categories"]["nudity"]["is_provisional"]
        assert "known finds" in done.stdout

    def test_a_doubt_keeps_a_video_in_review(self, tmp_path: Path) -> None:
        house = House(tmp_path)
        house.fill(200, 10)
        doubt = Reason(ReasonKind.COVERAGE, detail="half of it")
        house.put(
            "doubt", make_report("doubt", {"nudity": 0.35}, policy=house.policy, reason=doubt)
        )
        over = Reason(ReasonKind.THRESHOLD, category="nudity", confidence=0.35, threshold=0.3)
        house.put("over", make_report("over", {"nudity": 0.35}, policy=house.policy, reason=over))

        dropped = told(house)["what_if"]["dropped"]
        assert str(house.out / "over") in dropped
        assert str(house.out / "doubt") not in dropped

    def test_where_a_lone_peak_is_enough_it_is_the_score(self, tmp_path: Path) -> None:
        house = House(tmp_path, NUDITY.replace("strict = false", "strict = true "))
        house.fill(200, 10)
        peak = Segment("nudity", 0, 0, 10, 0.9, 0.9, 1, 0, is_confirmed=False)
        report = make_report("lone", {"nudity": 0.35}, policy=house.policy, segments=[peak])
        house.put("lone", report)

        assert str(house.out / "lone") not in told(house)["what_if"]["dropped"]

    def test_several_categories_share_the_risk(self, tmp_path: Path) -> None:
        house = House(tmp_path, TWO)
        for i in range(200):
            scores = {"nudity": 0.4 + 0.003 * i, "gore": 0.6 + 0.001 * i}
            house.put(f"v{i}", make_report(f"v{i}", scores, policy=house.policy))
            house.rows += [(f"v{i}", name, "remove", "uniform") for name in scores]
        found = told(house)

        assert found["confidence_each"] == pytest.approx(0.975)
        assert found["categories"]["gore"]["guarantee"]["threshold"] == 0.6
        assert "all at once: would change 0 of 200" in house.tune().stdout

    def test_a_category_without_labels_takes_no_part_of_the_risk(self, tmp_path: Path) -> None:
        house = House(tmp_path, TWO)
        for i in range(200):
            scores = {"nudity": 0.4 + 0.003 * i, "gore": 0.6}
            house.put(f"v{i}", make_report(f"v{i}", scores, policy=house.policy))
            house.rows.append((f"v{i}", "nudity", "remove", "uniform"))
        done = house.tune()

        assert done.exit_code == 4
        assert "gore: no labels" in done.stdout
        assert "0.4 misses at most 2 % at 95 % confidence" in done.stdout

    def test_reports_of_another_policy_are_counted(self, tuned: House, tmp_path: Path) -> None:
        other = tmp_path / "other.toml"
        other.write_text(NUDITY + "# changed\n", encoding="utf-8")
        setup = ("--decisions", tuned.decisions, "--policy", other)
        tuned.tune()

        assert (
            "301 of 301 videos were scanned under another"
            in heatreel("tune", tuned.out, *setup).stdout
        )

    def test_a_threshold_of_0_is_told_but_not_taken(self, tmp_path: Path) -> None:
        house = House(tmp_path)
        house.fill(200, 10, lowest=0.0)
        done = house.tune("--write", tmp_path / "new.toml")

        assert done.exit_code == 4
        assert "but it is 0: every video is to be reviewed" in done.stdout
        assert "not written, since no category has a guaranteed threshold" in done.stderr
        assert not (tmp_path / "new.toml").exists()


class TestWriting:
    """--write: a policy that names its evidence."""

    def test_the_policy_counts_up_and_names_what_it_rests_on(
        self, tuned: House, tmp_path: Path
    ) -> None:
        new = tmp_path / "new.toml"
        done = tuned.tune("--write", new)
        policy, evidence = find_policy(str(new)), tmp_path / "new.evidence.json"

        assert done.exit_code == 0
        assert policy.rules == (replace(tuned.policy.rules[0], review=0.3999999),)
        assert policy.version == 2
        sha256 = hashlib.sha256(evidence.read_bytes()).hexdigest()
        assert f'evidence = "{sha256}"' in new.read_text(encoding="utf-8")
        found = json.loads(evidence.read_bytes())
        decisions = hashlib.sha256(tuned.decisions.read_bytes()).hexdigest()
        assert found["decisions"] == {"sha256": decisions, "rows": 300}
        assert found["made_from"]["sha256"] == tuned.policy.sha256
        assert found["model"]["sha256"] == "ab" * 32
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", found["made_at"])
        assert found["categories"]["nudity"] == {
            "review": 0.3999999,
            "threshold": 0.4,
            "uniform_positives": 200,
            "allowed_misses": 0,
            "miss_bound": pytest.approx(0.01487, abs=1e-5),
            "labels": 300,
            "uniform_labels": 300,
            "is_provisional": False,
        }

    def test_no_file_is_overwritten(self, tuned: House, tmp_path: Path) -> None:
        for name in ("new.toml", "new.evidence.json"):
            (tmp_path / name).write_text("mine")
            assert f"{name}: is there already" in fault(tuned, "--write", tmp_path / "new.toml")
            assert (tmp_path / name).read_text() == "mine"
            (tmp_path / name).unlink()

    def test_a_policy_that_cannot_be_rewritten_leaves_nothing(self, tmp_path: Path) -> None:
        house = House(tmp_path, NUDITY.replace("# block = 0.9 ", "block = 0.35 # "))
        house.fill(200, 10)
        done = house.tune("--write", tmp_path / "new.toml")

        assert done.exit_code == 2
        assert "block must not be lower than review" in done.stderr
        assert list(tmp_path.glob("new*")) == []


class TestBadInput:
    """One line, with the row where there is one."""

    @pytest.mark.parametrize(
        ("rows", "expected"),
        [
            ([("none", "nudity", "allow", "uniform")], "row 302: no report of 'none'"),
            ([("=cmd()", "nudity", "allow", "uniform")], "row 302: no report of '=cmd()'"),
            ([("\x1b[2J", "nudity", "allow", "uniform")], r"row 302: no report of '\x1b[2J'"),
            ([("bad-0", "gore", "allow", "uniform")], "row 302: the policy has no category 'gore'"),
            (
                [("bad-0", "nudity", "allow", "uniform")],
                "row 302: says allow of 'bad-0', row 2 says remove",
            ),
            (
                [("sha256:bad-1", "nudity", "allow", "review")],
                "row 302: says allow of 'sha256:bad-1', row 3 says remove",
            ),
            ([("bad-0", "nudity", "nan", "uniform")], "row 302: decision must be one of"),
        ],
    )
    def test_rows(self, rows: list[tuple[str, ...]], expected: str, tuned: House) -> None:
        before = list(tuned.rows)
        tuned.rows += rows
        try:
            assert fault(tuned).startswith(f"{tuned.decisions}: {expected}")
        finally:
            tuned.rows = before

    def test_the_same_decision_twice_counts_once_and_uniform_if_ever(self, tmp_path: Path) -> None:
        house = House(tmp_path)
        house.fill(149, 20)
        house.rows = [(*row[:3], "review") for row in house.rows] + house.rows
        done = house.tune()

        assert done.exit_code == 0
        assert "169 labels (149 removed), 169 of them sampled uniformly" in done.stdout

    def test_a_quoted_formula_from_our_own_csv_is_the_name_it_stands_for(
        self, tmp_path: Path
    ) -> None:
        house = House(tmp_path)
        house.fill(149, 20)
        house.add("-clip", 0.1)
        house.rows.append(("'-clip", "nudity", "allow", "uniform"))

        assert "170 labels" in house.tune().stdout

    def test_no_reports(self, tmp_path: Path) -> None:
        house = House(tmp_path)
        assert "no reports there" in fault(house)

    def test_a_report_that_is_none_is_told_and_the_rest_tuned(self, tmp_path: Path) -> None:
        house = House(tmp_path)
        house.fill(149, 20)
        (house.out / "bad-0" / "report.json").write_text("{}")
        house.rows = house.rows[1:]
        done = house.tune()

        assert done.exit_code == 2
        assert "nudity: 168 labels" in done.stdout
        assert "bad-0/report.json" in done.stderr

    def test_reports_of_other_categories_are_no_part(self, tmp_path: Path) -> None:
        house = House(tmp_path)
        house.put("cat", make_report("cat", {"cats": 0.5}, policy=house.policy))

        assert "which has other categories" in fault(house)

    @pytest.mark.parametrize("is_id", [False, True], ids=["two-models", "not-the-policy's"])
    def test_other_models(self, tmp_path: Path, *, is_id: bool) -> None:
        house = House(tmp_path)
        if not is_id:
            house.add("one", 0.5, "allow")
        report = make_report("two", {"nudity": 0.5}, policy=house.policy)
        model = replace(report.model, sha256="cd" * 32, model_id="other" if is_id else "open-nsfw")
        house.put("two", replace(report, model=model))

        expected = "the policy is for 'open-nsfw'" if is_id else "the reports are of 2 models"
        assert expected in fault(house, code=3)

    @pytest.mark.parametrize(
        "words",
        [("--max-miss", "0"), ("--max-miss", "1"), ("--confidence", "1"), ("--max-miss", "nan"),
         ("--review-s", "0"), ("--human-miss", "1"), ("--videos-a-day", "0")],
    )  # fmt: skip
    def test_options_out_of_range(self, words: tuple[str, str], tuned: House) -> None:
        done = tuned.tune(*words)

        assert done.exit_code == 2
        assert "Usage" in done.stderr

    def test_a_policy_that_is_none(self, tuned: House) -> None:
        setup = ("--decisions", tuned.decisions, "--policy", "none.toml")
        done = heatreel("tune", tuned.out, *setup)

        assert (done.exit_code, "neither a policy file" in done.stderr) == (2, True)


def test_a_guarantee_in_words() -> None:
    assert say_guarantee(TooFew(0, 149), 0.02, "on average").startswith("none: 149 more")
