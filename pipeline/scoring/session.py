"""Scorers: a model, loaded on a device, that scores frames by the batch."""

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import require_array
from pipeline.errors import ModelError
from pipeline.records import Exclusivity, ModelFacts, ModelOutputs
from pipeline.scoring.backend import Device, Precision, Session, open_session
from pipeline.scoring.contract import Channels, InputType, Layout, Manifest, ModelInput, ScoresAre

# How far rounding takes a probability out of [0, 1]; half precision keeps three digits.
ROUNDING = 2e-3
# A CPU gains nothing by larger batches, which only take memory (both built-in models cost the same
# CPU time a frame from 2 to 32 at once); a GPU needs them to fill up.
BATCH_FRAMES = {Device.CPU: 4, Device.CUDA: 64}

logger = logging.getLogger(__name__)


class Scorer:
    """A model that is ready to score frames of the size that its manifest asks for.

    Attributes:
        manifest: what the model takes and gives.
        facts: which model it is, and the execution providers that really run it.
        device: where it runs, CPU or CUDA.
        batch_frames: how many frames at once it scores best.
    """

    def __init__(self, manifest: Manifest, session: Session) -> None:
        """Make a scorer of a loaded network; `open_scorer` is the way to get one."""
        self.manifest = manifest
        self.facts = ModelFacts(
            manifest.model_id, manifest.version, manifest.sha256, session.providers
        )
        self.device = session.device
        self.batch_frames = BATCH_FRAMES[session.device]
        self._session = session

    def score(self, pixels: NDArray[np.uint8]) -> ModelOutputs:
        """Return scores, features and logits of frames, shape (N, H, W, 3), uint8 RGB.

        Raises:
            ValueError: if the frames do not have the size of the manifest's geometry.
            ModelError: if the network fails, or gives other numbers than the manifest says.
        """
        outputs = self.manifest.outputs
        names = (outputs.scores, outputs.features, outputs.logits)
        wanted = dict.fromkeys(name for name in names if name is not None)  # each once
        given = dict(zip(wanted, self._run(pixels, *wanted), strict=True))
        raw = given[outputs.scores]
        nothing = np.empty((len(raw), 0), dtype=np.float32)
        features = given[outputs.features] if outputs.features else nothing
        logits = raw if outputs.scores_are is ScoresAre.LOGITS else nothing
        if outputs.logits:
            logits = given[outputs.logits]
        return ModelOutputs(self._activate(raw), features, logits)

    def feature_maps(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return what the features are pooled from, shape (N, D, h, w), of frames as in `score`.

        Raises:
            ValueError: if the frames do not have the size of the manifest's geometry.
            ModelError: if the model offers no feature map, or the network fails.
        """
        if self.manifest.outputs.feature_map is None:
            raise ModelError(f"{self.manifest.model_id}: its manifest names no feature_map")
        (maps,) = self._run(pixels, self.manifest.outputs.feature_map)
        return maps

    def require_frames(self, pixels: NDArray[np.uint8]) -> None:
        """Raise ValueError unless frames have the size of the manifest's geometry."""
        geometry = self.manifest.input.geometry
        size = (geometry.height_px, geometry.width_px)
        require_array("pixels", pixels, np.uint8, (None, *size, 3))

    def _run(self, pixels: NDArray[np.uint8], *outputs: str) -> list[NDArray[np.float32]]:
        self.require_frames(pixels)
        given = self.manifest.input
        arrays = self._session.run(given.name, prepare_batch(pixels, given), outputs)
        return [array.astype(np.float32, copy=False) for array in arrays]

    def _activate(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the scores that a network's raw output stands for."""
        manifest = self.manifest
        if raw.shape[1:] != (len(manifest.labels),):
            count = len(manifest.labels)
            raise ModelError(f"{manifest.model_id}: {count} labels do not fit {raw.shape} scores")
        if manifest.outputs.scores_are is ScoresAre.LOGITS:
            raw = activate(raw, manifest.exclusivity)
        # Written so that NaN fails too: a score that is no number must not pass for "not scored".
        if not np.all((raw >= -ROUNDING) & (raw <= 1 + ROUNDING)):
            raise ModelError(f"{manifest.model_id}: gave scores that are no numbers from 0 to 1")
        return np.clip(raw, 0, 1)


def open_scorer(
    manifest: Manifest, *, device: Device, device_id: int, precision: Precision, threads: int
) -> Scorer:
    """Load a model on a device, and see it score one black frame.

    Args:
        manifest: the model.
        device: AUTO takes CUDA where it comes up and the CPU otherwise; the scorer's facts and
            the log say which it was.
        device_id: which CUDA device; means nothing on the CPU.
        precision: what the network computes in.
        threads: how many CPU threads one batch may use, 0 for one a core.

    Raises:
        ModelError: if ONNX Runtime cannot run the network, or it gives something else than the
            manifest says.
        BackendUnavailableError: if CUDA was asked for and does not come up.
    """
    session = open_session(
        manifest.onnx, device=device, device_id=device_id, precision=precision, threads=threads
    )
    scorer = Scorer(manifest, session)
    size = manifest.input.geometry
    scorer.score(np.zeros((1, size.height_px, size.width_px, 3), dtype=np.uint8))
    logger.info("%s runs on %s", manifest.model_id, ", ".join(session.providers))
    return scorer


def prepare_batch(pixels: NDArray[np.uint8], wanted: ModelInput) -> NDArray[Any]:
    """Return frames, shape (N, H, W, 3), uint8 RGB, as the array that a model takes, in C order."""
    batch: NDArray[Any] = pixels if wanted.channels is Channels.RGB else pixels[..., ::-1]
    if wanted.dtype is InputType.FLOAT32:
        mean = np.array(wanted.mean, dtype=np.float32)
        batch = (batch - mean) / np.array(wanted.scale, dtype=np.float32)
    if wanted.layout is Layout.NCHW:
        batch = batch.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(batch)


def activate(logits: NDArray[np.float32], exclusivity: Exclusivity) -> NDArray[np.float32]:
    """Return the scores that logits, shape (N, L), stand for.

    >>> activate(np.array([[0.0, 0.0]], dtype=np.float32), Exclusivity.SOFTMAX)
    array([[0.5, 0.5]], dtype=float32)
    """
    if exclusivity is Exclusivity.SIGMOID:
        # By tanh, which does not overflow where exp would.
        return np.asarray(0.5 * (1 + np.tanh(logits / 2)), dtype=np.float32)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)
