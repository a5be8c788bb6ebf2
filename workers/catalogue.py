"""The policies that may be asked for, each with the model that it is scored by."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ModelError, PolicyError
from pipeline.judging.timeline import require_labels
from pipeline.learning.bank import Detector
from pipeline.learning.bank_file import read_detector
from pipeline.policies.read import find_policy_file, parse_policy, read_policy_file
from pipeline.records import Examination, ModelFacts, Policy
from pipeline.scoring.builtin import default_cache, find_model
from pipeline.scoring.contract import Manifest
from workers.errors import NotFoundError
from workers.settings import Settings
from workers.store.records import ModelId
from workers.store.run_rows import Basis, PolicyCopy


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the operator offers.

    Attributes:
        bases: what a run is judged by, by the id of its policy; the first is the default.
        manifests: the models, by their sha256.
        detectors: what tells strangers, by the sha256 of its model; of some models only.
    """

    bases: dict[str, Basis]
    manifests: dict[str, Manifest]
    detectors: dict[str, Detector]

    def find(self, policy_id: str | None) -> Basis:
        """Return what a run under a policy is judged by; None = the default policy.

        Raises:
            NotFoundError: if the operator does not offer it.
        """
        if policy_id is None:
            return next(iter(self.bases.values()))
        if policy_id not in self.bases:
            raise NotFoundError(f"no policy {policy_id!r}; there are {', '.join(self.bases)}")
        return self.bases[policy_id]


def read_catalogue(settings: Settings) -> Catalogue:
    """Read the policies, models and banks that the settings name.

    Raises:
        PolicyError: if a policy is wrong, names labels that its model does not know, or two have
            the same id.
        ModelError: if a model or a bank is not there, is wrong, or they do not belong together.
    """
    bases: dict[str, Basis] = {}
    manifests: dict[str, Manifest] = {}
    for name in settings.policies:
        path = find_policy_file(name)
        content = read_policy_file(path)
        policy = parse_policy(content, name=path.name)
        if policy.policy_id in bases:
            raise PolicyError(f"{name}: there is another policy with the id {policy.policy_id!r}")
        place = settings.models.get(policy.model, policy.model)
        manifest = find_model(place, cache=default_cache())
        require_labels(policy, manifest.labels)
        manifests[manifest.sha256] = manifest
        model = ModelId(manifest.model_id, manifest.version, manifest.sha256)
        bases[policy.policy_id] = Basis(PolicyCopy(policy, content), model)
    return Catalogue(bases, manifests, dict(_read_detectors(settings, manifests)))


def _read_detectors(
    settings: Settings, manifests: dict[str, Manifest]
) -> Iterator[tuple[str, Detector]]:
    by_id = {manifest.model_id: manifest for manifest in manifests.values()}
    for model_id, path in settings.banks.items():
        if model_id not in by_id:
            raise ModelError(f"banks.{model_id}: no policy is for that model")
        manifest = by_id[model_id]
        detector = read_detector(Path(path))
        detector.require_model(
            ModelFacts(manifest.model_id, manifest.version, manifest.sha256, providers=())
        )
        yield manifest.sha256, detector


def can_reuse_chunks(scored_under: Policy, wanted: Policy) -> bool:
    """Whether frames that were sampled under one policy will do for another.

    They do if they were sampled at least as closely, and gated by the same lines. Peaks that the
    other policy would have gone back to stay unconfirmed, so that a person looks at them.
    """
    return (
        scored_under.max_gap_ms <= wanted.max_gap_ms
        and scored_under.examination in (wanted.examination, Examination.PICTURES)
        and scored_under.gate == wanted.gate
        and scored_under.limits == wanted.limits
    )
