"""frames.parquet: every score of every frame, for any reader of Parquet."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from pipeline.errors import ReportError
from pipeline.outputs.frames_table import name_columns, read, write
from pipeline.records import FrameScores, Gate, Look, Span
from tests.pipeline.outputs.report_strategies import stream_sets

one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
ARRAYS = ("timestamps_ms", "pts", "looks", "gates", "scores", "ood")


def a_stream(labels: tuple[str, ...] = ("sfw", "nsfw"), stream: int = 0) -> FrameScores:
    """Return two frames: a good one, and a black one of the second look."""
    return FrameScores(
        labels=labels,
        stream=stream,
        duration_ms=1_000,
        timestamps_ms=np.array([0, 500], np.int64),
        pts=np.array([9, 59], np.int64),
        looks=np.array([Look.FIRST, Look.EDGE], np.uint8),
        gates=np.array([Gate.OK, Gate.BLACK], np.uint8),
        scores=np.array([[0.25] * len(labels), [np.nan] * len(labels)], np.float32),
        ood=np.array([0.5, np.nan], np.float32),
        examined=(Span(600, 900),),
        cuts_ms=(500,),
    )


@one_folder
@given(streams=stream_sets)
def test_what_is_read_back_is_what_was_written(
    streams: tuple[FrameScores, ...], tmp_path: Path
) -> None:
    path = tmp_path / "frames.parquet"
    path.write_bytes(write(streams))
    back = read(path)

    assert len(back) == len(streams)
    for got, want in zip(back, streams, strict=True):
        for name in FrameScores.__slots__:
            assert name in ARRAYS or getattr(got, name) == getattr(want, name)
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(got, name), getattr(want, name), strict=True)


def test_equal_streams_give_equal_bytes() -> None:
    assert write([a_stream()]) == write([a_stream()])


def test_the_columns_are_those_of_the_design(tmp_path: Path) -> None:
    path = tmp_path / "frames.parquet"
    path.write_bytes(write([a_stream()]))
    table = pd.read_parquet(path)

    assert list(table) == [
        "timestamp_ms", "pts", "stream", "look", "gate", "score_sfw", "score_nsfw", "ood",
    ]  # fmt: skip
    assert list(table["look"]) == ["first", "edge"]
    assert list(table["gate"]) == ["ok", "black"]
    assert {str(table[name].dtype) for name in ("score_sfw", "score_nsfw", "ood")} == {"float32"}


def test_streams_stand_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "frames.parquet"
    path.write_bytes(write([a_stream(), a_stream(stream=2)]))

    assert list(pd.read_parquet(path)["stream"]) == [0, 0, 2, 2]


def test_streams_of_different_models_are_refused() -> None:
    with pytest.raises(ValueError, match="labels of the first"):
        write([a_stream(), a_stream(labels=("cat",))])


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        pytest.param(["a b", "a-b", "a_b"], ["a_b", "a_b_2", "a_b_3"], id="alike"),
        pytest.param(["crane", "crane_2", "crane"], ["crane", "crane_2", "crane_3"], id="taken"),
        pytest.param(["", "\n", "猫"], ["label", "label_2", "label_3"], id="nothing-left"),
        pytest.param(["=cmd|'/C'!A0"], ["cmd_C_A0"], id="a-formula"),
    ],
)
def test_columns_have_distinct_harmless_names(labels: list[str], names: list[str]) -> None:
    assert name_columns(labels) == tuple(f"score_{name}" for name in names)


def test_a_table_of_someone_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "frames.parquet"
    path.write_bytes(write([a_stream()]))
    pd.read_parquet(path).to_parquet(path)

    with pytest.raises(ReportError, match="not a table of frames"):
        read(path)


@pytest.mark.parametrize("content", [b"", b"PAR1", write([a_stream()])[:-30]])
def test_a_file_that_is_no_table_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "frames.parquet"
    path.write_bytes(content)

    with pytest.raises(ReportError) as caught:
        read(path)
    assert str(caught.value).isprintable()
