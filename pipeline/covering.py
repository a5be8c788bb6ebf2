"""The frames that cover a video, for whoever only wants to see it: no second look, no report."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.media.decode import CpuBudget, Damage
from pipeline.media.here import Decoder
from pipeline.media.looks import Looker
from pipeline.probed import PacketIndex, Video
from pipeline.records import Frame, Geometry, Limits, Policy, Span


@dataclass(frozen=True, slots=True)
class Footage:
    """A probed video, and what decodes it within a budget."""

    video: Video
    decoder: Decoder
    budget: CpuBudget

    def cover(self, index: PacketIndex, *, geometry: Geometry, policy: Policy) -> Iterator[Frame]:
        """Yield the frames of a stream's first look, in order of time.

        Raises:
            LimitExceededError: if it takes more CPU seconds than the limits allow.
            DecoderDiedError: if a child that decodes dies, hangs or speaks nonsense.
        """
        looker = Looker(self.video, index, geometry, policy, self.budget, Damage())
        plan = looker.plan_within(Span(0, self.video.facts.duration_ms))
        return self.decoder.look_through(looker).first_look(plan)


def open_footage(path: Path, *, limits: Limits, decoder: Decoder) -> Footage:
    """Probe a video.

    Raises:
        UnreadableVideoError: if it is none.
        LimitExceededError: if it has more pixels, frames or time than *limits* allow.
        DecoderDiedError: if a child that decodes dies, hangs or speaks nonsense.
    """
    budget = CpuBudget(limits.max_cpu_s, decoder.cpu_s)
    return Footage(decoder.probe(path, limits=limits, budget=budget), decoder, budget)
