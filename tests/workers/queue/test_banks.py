"""The service with a bank: its workers tell strangers as `heatreel scan --bank` does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import ModelError
from pipeline.learning.bank_file import read_detector
from pipeline.media.encode import write_video
from tests.films import film
from tests.models import write_colour_model
from tests.workers.queue.queue_parts import House
from tests.workers.queue.test_runner import do_all, report_of
from tests.workers.test_ood_cli import HOW, SIX_S, blue_film
from tests.workers.test_ood_cli import House as Familiar
from workers.catalogue import read_catalogue
from workers.settings import Settings


@pytest.fixture(scope="module")
def familiar(tmp_path_factory: pytest.TempPathFactory) -> Familiar:
    """A model with a bank of what it knows."""
    return Familiar(tmp_path_factory.mktemp("familiar"))


@pytest.fixture
def house(familiar: Familiar, tmp_path: Path) -> Iterator[House]:
    made = House(
        tmp_path / "house",
        f"sqlite:///{tmp_path / 'heatreel.db'}",
        policies=(str(familiar.policy),),
        models={"tint": str(familiar.model)},
        banks={"tint": str(familiar.bank)},
        chunk_s=3.0,
    )
    yield made
    made.close()


def test_strangers_go_to_a_person_and_the_familiar_pass(house: House, familiar: Familiar) -> None:
    write_video(house.clips / "blue.mkv", blue_film(), HOW)
    write_video(house.clips / "photos.mkv", film(SIX_S, size=(160, 90)), HOW)
    blue, photos = house.upload("blue.mkv"), house.upload("photos.mkv")

    do_all(house, house.runner())

    assert [house.run(run.id).outcome for run in (blue, photos)] == ["review", "pass"]
    report = report_of(house, blue)
    assert [reason["kind"] for reason in report["reasons"]] == ["unfamiliar"]
    facts = read_detector(familiar.bank).facts
    assert report["bank"] == {
        "sha256": facts.sha256,
        "method": "knn",
        "threshold": facts.threshold,
        "false_alarms": 0.05,
    }
    assert report_of(house, photos)["bank"] == report["bank"]


def settings_of(familiar: Familiar, models: dict[str, str], banks: dict[str, str]) -> Settings:
    return Settings(policies=(str(familiar.policy),), models=models, banks=banks)


def test_a_bank_of_another_model_is_refused_at_the_start(
    familiar: Familiar, tmp_path: Path
) -> None:
    other = write_colour_model(tmp_path)
    text = other.read_text(encoding="utf-8").replace('id = "colour"', 'id = "tint"')
    other.write_text(text, encoding="utf-8")
    settings = settings_of(familiar, {"tint": str(other)}, {"tint": str(familiar.bank)})

    with pytest.raises(ModelError, match="the bank was fitted on tint, sha256"):
        read_catalogue(settings)


@pytest.mark.parametrize(
    ("model_id", "path", "said"),
    [
        pytest.param("tint", "/no/bank.npz", "cannot be read", id="not-there"),
        pytest.param("tint", __file__, "is no bank", id="no-bank"),
        pytest.param("other", "/no/bank.npz", "no policy is for that model", id="nobodys"),
    ],
)
def test_a_bank_that_cannot_be_used_is_refused_at_the_start(
    model_id: str, path: str, said: str, familiar: Familiar
) -> None:
    settings = settings_of(familiar, {"tint": str(familiar.model)}, {model_id: path})

    with pytest.raises(ModelError, match=said):
        read_catalogue(settings)
