"""What a model takes and what it gives: the records that a manifest is read into."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pipeline.records import Exclusivity, Geometry


class InputType(StrEnum):
    """The element type of a model's input."""

    UINT8 = "uint8"  # the network itself does all arithmetic on the levels
    FLOAT32 = "float32"


class Layout(StrEnum):
    """The order of a model's input axes."""

    NHWC = "nhwc"
    NCHW = "nchw"


class Channels(StrEnum):
    """The order of a model's input channels."""

    RGB = "rgb"
    BGR = "bgr"


class ScoresAre(StrEnum):
    """What a model's score output holds."""

    PROBABILITIES = "probabilities"  # in [0, 1] already
    LOGITS = "logits"  # to be activated: softmax or sigmoid, as the labels' exclusivity says


@dataclass(frozen=True, slots=True)
class ModelInput:
    """The one input of a model.

    Attributes:
        name: of the input in the network.
        dtype: its element type; a UINT8 input takes the levels as they are.
        layout: its order of axes.
        channels: its order of channels.
        mean: what is subtracted from the levels 0 to 255, in the model's order of channels.
        scale: what the difference is then divided by: x becomes (x - mean) / scale.
        geometry: its size in pixels, and how a picture is brought there.
    """

    name: str
    dtype: InputType
    layout: Layout
    channels: Channels
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    geometry: Geometry

    def __post_init__(self) -> None:
        if 0 in self.scale:
            raise ValueError(f"scale is divided by and must not be 0, got {self.scale}")
        if self.dtype is InputType.UINT8 and (any(self.mean) or set(self.scale) != {1}):
            raise ValueError("a uint8 input takes bytes as they are: mean must be 0, scale 1")


@dataclass(frozen=True, slots=True)
class ModelOutputNames:
    """The outputs of a model, by their names in the network.

    Attributes:
        scores: shape (N, L), one column a label.
        scores_are: what its numbers are.
        features: shape (N, D), pooled; None where the model offers none.
        feature_map: shape (N, D, h, w), what the features are pooled from; None likewise.
        logits: shape (N, L), what the scores were made of; None likewise. Where the scores are
            logits themselves, it need not be named.
    """

    scores: str
    scores_are: ScoresAre
    features: str | None = None
    feature_map: str | None = None
    logits: str | None = None

    @property
    def named(self) -> dict[str, str]:
        """The outputs that the model offers: role to name in the network."""
        names = {
            "scores": self.scores,
            "features": self.features,
            "feature_map": self.feature_map,
            "logits": self.logits,
        }
        return {role: name for role, name in names.items() if name is not None}


@dataclass(frozen=True, slots=True)
class Manifest:
    """A model that can be opened: its file is there and is what the manifest says.

    Attributes:
        model_id: its name, which policies refer to.
        version: as its makers count.
        sha256: of the ONNX file's bytes, followed by those of the files beside it that hold its
            weights, where there are such, in order of their names.
        licence: the SPDX name of its weights' licence.
        onnx: the ONNX file.
        input: what it takes.
        outputs: what it gives.
        labels: what it can say, in the order of its score columns, distinct.
        exclusivity: whether its labels exclude each other.
        categories: names of the categories that it usually serves; may be empty.
    """

    model_id: str
    version: str
    sha256: str
    licence: str
    onnx: Path
    input: ModelInput
    outputs: ModelOutputNames
    labels: tuple[str, ...]
    exclusivity: Exclusivity
    categories: tuple[str, ...]

    def __post_init__(self) -> None:
        repeated = sorted({label for label in self.labels if self.labels.count(label) > 1})
        if repeated or not all(self.labels) or not self.labels:
            raise ValueError(f"labels must be some, distinct and not empty; repeated: {repeated}")
