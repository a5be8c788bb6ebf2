"""What all tests share: settings, and a faultless model."""

import pytest
from hypothesis import settings

from pipeline.scoring.session import Scorer
from tests.scanning import colour_scorer

# How fast an example runs is the machine's affair; a busy one must fail no test.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def colour(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    """A faultless model: it knows one colour."""
    return colour_scorer(tmp_path_factory.mktemp("colour"))
