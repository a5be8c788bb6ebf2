"""The models of one process: each loaded once, when it is first needed, shared by its threads."""

import threading
from pathlib import Path

from pipeline.errors import BackendUnavailableError
from pipeline.learning.bank import Detector
from pipeline.scoring.backend import Device
from pipeline.scoring.contract import Manifest
from pipeline.scoring.merging import MergingScorer
from pipeline.scoring.session import Scorer, open_scorer
from workers.catalogue import Catalogue
from workers.queue.meters import note_batch
from workers.settings import Settings


class Scorers:
    """Models by their sha256, on the device that the settings name."""

    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        """Make an empty set."""
        self._settings = settings
        self._catalogue = catalogue
        self._open: dict[str, Scorer] = {}
        self._lock = threading.Lock()

    def manifest(self, sha256: str) -> Manifest:
        """Return the manifest of a model.

        Raises:
            BackendUnavailableError: if this worker does not have it; another one may.
        """
        if sha256 not in self._catalogue.manifests:
            raise BackendUnavailableError(f"this worker has no model of sha256 {sha256}")
        return self._catalogue.manifests[sha256]

    def scorer(self, sha256: str) -> Scorer:
        """Return a model, loaded.

        On a GPU, frames that threads ask about at the same time are scored in one batch.

        Raises:
            BackendUnavailableError: if this worker does not have it, or its device is away.
            ModelError: if the model cannot be run.
        """
        manifest = self.manifest(sha256)
        with self._lock:
            if sha256 not in self._open:
                self._open[sha256] = self._load(manifest)
            return self._open[sha256]

    def detector(self, sha256: str) -> Detector | None:
        """Return what tells strangers to a model; None where the operator named no bank for it."""
        return self._catalogue.detectors.get(sha256)

    def _load(self, manifest: Manifest) -> Scorer:
        settings = self._settings
        scorer = open_scorer(
            manifest,
            device=settings.device,
            device_id=settings.device_id,
            precision=settings.precision,
            threads=settings.threads,
        )
        return MergingScorer(scorer, note_batch) if scorer.device is Device.CUDA else scorer


def spare_folder(settings: Settings) -> Path:
    """Return the folder for copies that are worked on for a while."""
    folder = settings.home / "spare"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
