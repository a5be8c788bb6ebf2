"""The catalogue: policies with their models, and which chunks will do for which policy."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from pipeline.errors import ModelError, PolicyError
from pipeline.policies.read import find_policy
from pipeline.records import Examination, GateThresholds, Policy
from tests.models import write_colour_model
from tests.workers.test_cli import POLICY
from workers.catalogue import can_reuse_chunks, read_catalogue
from workers.errors import NotFoundError
from workers.settings import Settings

BASE = find_policy("nudity")
PICTURES = replace(BASE, examination=Examination.PICTURES)
PACKETS = replace(BASE, examination=Examination.PACKETS)


class TestReading:
    """What the operator names is read at the start, or refused then."""

    @pytest.fixture
    def write(self, tmp_path: Path) -> Callable[..., str]:
        """Return a function that writes a policy under an id, and returns its path."""

        def write_it(policy_id: str, text: str = POLICY, file: str | None = None) -> str:
            path = tmp_path / f"{file or policy_id}.toml"
            path.write_text(text.replace('id = "cats"', f'id = "{policy_id}"'), encoding="utf-8")
            return str(path)

        return write_it

    @pytest.fixture
    def model(self, tmp_path: Path) -> str:
        return str(write_colour_model(tmp_path))

    def test_the_first_policy_is_the_default(self, write: Callable[..., str], model: str) -> None:
        names = (write("first"), write("second"))
        catalogue = read_catalogue(Settings(policies=names, models={"colour": model}))

        assert list(catalogue.bases) == ["first", "second"]
        assert catalogue.find(None) is catalogue.find("first")
        basis = catalogue.find("second")
        assert basis.policy.policy.policy_id == "second"
        assert basis.policy.content == Path(names[1]).read_bytes()
        assert list(catalogue.manifests) == [basis.model.sha256]
        assert basis.model == catalogue.find(None).model

    def test_no_other_policy_is_to_be_had(self, write: Callable[..., str], model: str) -> None:
        catalogue = read_catalogue(Settings(policies=(write("mine"),), models={"colour": model}))

        for policy_id in ("", "cats", "mine.toml", "Mine", "../mine"):
            with pytest.raises(NotFoundError, match="there are mine"):
                catalogue.find(policy_id)

    def test_two_policies_with_one_id_are_refused(
        self, write: Callable[..., str], model: str
    ) -> None:
        names = (write("mine"), write("mine", file="other"))
        with pytest.raises(PolicyError, match=r"other\.toml: .*another policy with the id 'mine'"):
            read_catalogue(Settings(policies=names, models={"colour": model}))

    def test_a_policy_that_speaks_of_labels_that_its_model_lacks_is_refused(
        self, write: Callable[..., str], model: str
    ) -> None:
        name = write("mine", POLICY.replace('"magenta"', '"magenta", "cyan"'))
        with pytest.raises(PolicyError, match="'cyan'"):
            read_catalogue(Settings(policies=(name,), models={"colour": model}))

    def test_a_policy_that_is_not_there_or_wrong_is_refused(
        self, write: Callable[..., str], model: str
    ) -> None:
        for name in ("no-such-policy", write("mine", "id = 1\n")):
            with pytest.raises(PolicyError):
                read_catalogue(Settings(policies=(name,), models={"colour": model}))

    @pytest.mark.parametrize("models", [{}, {"colour": "/no/model.toml"}, {"other": "x"}])
    def test_a_model_that_is_not_there_is_refused(
        self, write: Callable[..., str], models: dict[str, str]
    ) -> None:
        with pytest.raises(ModelError):
            read_catalogue(Settings(policies=(write("mine"),), models=models))


@pytest.mark.parametrize(
    ("scored_under", "wanted", "will_do"),
    [
        pytest.param(BASE, BASE, True, id="the same"),
        pytest.param(BASE, replace(BASE, version=9, sha256="9" * 64), True, id="another version"),
        pytest.param(BASE, replace(BASE, policy_id="mine"), True, id="another name"),
        pytest.param(BASE, replace(BASE, merge_gap_ms=1), True, id="other segments"),
        pytest.param(BASE, replace(BASE, max_confirmations=9), True, id="more confirmations"),
        pytest.param(BASE, replace(BASE, doubts=frozenset()), True, id="other doubts"),
        pytest.param(BASE, replace(BASE, min_good_share=0.9), True, id="more good frames"),
        pytest.param(BASE, replace(BASE, rules=find_policy("cats").rules), True, id="other rules"),
        pytest.param(BASE, replace(BASE, max_gap_ms=BASE.max_gap_ms + 1), True, id="a wider gap"),
        pytest.param(BASE, replace(BASE, max_gap_ms=BASE.max_gap_ms - 1), False, id="a closer gap"),
        pytest.param(PICTURES, PACKETS, True, id="pictures for packets"),
        pytest.param(PACKETS, PICTURES, False, id="packets for pictures"),
        pytest.param(PACKETS, PACKETS, True, id="packets for packets"),
        *(
            pytest.param(
                BASE,
                replace(BASE, gate=replace(BASE.gate, **{line.name: 0})),
                False,
                id=line.name,
            )
            for line in fields(GateThresholds)
        ),
        *(
            pytest.param(
                BASE, replace(BASE, limits=replace(BASE.limits, **{limit: 1})), False, id=limit
            )
            for limit in ("max_pixels", "max_duration_ms", "max_frames", "max_cpu_s")
        ),
    ],
)
def test_chunks_will_do_that_were_sampled_as_closely_by_the_same_lines(
    scored_under: Policy, wanted: Policy, *, will_do: bool
) -> None:
    assert can_reuse_chunks(scored_under, wanted) is will_do
