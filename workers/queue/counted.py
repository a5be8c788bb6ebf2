"""Frames counted as they are decoded, for whoever waits and wants to see something move."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

from pipeline.media.looks import AnyLooker
from pipeline.media.plan import Plan
from pipeline.probed import PacketIndex, Video
from pipeline.records import Frame, Look, Policy, Span


@dataclass(frozen=True, slots=True)
class CountedLooker:
    """Looks as *looker* does, and calls *on_frame* for each frame of either look."""

    looker: AnyLooker
    on_frame: Callable[[], None]

    @property
    def video(self) -> Video:
        """The video."""
        return self.looker.video

    @property
    def index(self) -> PacketIndex:
        """The packets of the stream."""
        return self.looker.index

    @property
    def policy(self) -> Policy:
        """How closely to look, and within which limits."""
        return self.looker.policy

    def plan_within(self, span: Span) -> Plan:
        """Return what the first look is going to decode of the chunk *span*."""
        return self.looker.plan_within(span)

    def first_look(self, plan: Plan) -> Generator[Frame]:
        """Yield the frames that cover the stream, in order of time."""
        return self._counted(self.looker.first_look(plan))

    def second_look(self, wanted_pts: Sequence[int], look: Look) -> Generator[Frame]:
        """Yield exactly the frames of *wanted_pts*, in order of time; damaged ones are missing."""
        return self._counted(self.looker.second_look(wanted_pts, look))

    def _counted(self, frames: Iterator[Frame]) -> Generator[Frame]:
        try:
            for frame in frames:
                self.on_frame()
                yield frame
        finally:
            if isinstance(frames, Generator):  # whoever stops early stops the decoder too
                frames.close()
