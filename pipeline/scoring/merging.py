"""One model for many threads: frames that are asked about at the same time are scored together.

A GPU scores 64 frames in hardly more time than one, but one video seldom has 64 at hand.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from pipeline.records import ModelOutputs
from pipeline.scoring.session import Scorer

WAIT_S = 0.010  # that the first of a batch waits for others, at most
Asked = tuple[NDArray[np.uint8], "Future[ModelOutputs]"]


class MergingScorer(Scorer):
    """A scorer that any number of threads may use at once; each waits for its own answer.

    Attributes:
        frames: how many frames were scored so far.
        batches: in how many batches; frames / (batches x batch_frames) is how full they were.
    """

    def __init__(
        self, scorer: Scorer, on_batch: Callable[[int, int], None] = lambda _frames, _room: None
    ) -> None:
        """Share *scorer*, which nobody else may use from now on; one thread runs it.

        on_batch is told of each batch how many frames it had, and how many there was room for.
        """
        self._on_batch = on_batch
        self.manifest, self.facts, self.device = scorer.manifest, scorer.facts, scorer.device
        self.batch_frames = scorer.batch_frames
        self.frames, self.batches = 0, 0
        self._scorer = scorer
        self._asked: deque[Asked] = deque()
        self._some = threading.Condition()
        self._is_closed = False
        self._runner = ThreadPoolExecutor(1, "scorer")
        self._thread = threading.Thread(target=self._serve, name="merger", daemon=True)
        self._thread.start()

    def score(self, pixels: NDArray[np.uint8]) -> ModelOutputs:
        """Return what the model says of frames, as Scorer.score does, and with its errors."""
        self.require_frames(pixels)  # nobody's mistake may fail the others of its batch
        answer: Future[ModelOutputs] = Future()
        with self._some:
            if self._is_closed:
                raise ValueError("the scorer is closed")
            self._asked.append((pixels, answer))
            self._some.notify()
        return answer.result()

    def feature_maps(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return what the features are pooled from, as Scorer.feature_maps does."""
        return self._scorer.feature_maps(pixels)

    def close(self) -> None:
        """Answer what was asked, and end the thread."""
        with self._some:
            self._is_closed = True
            self._some.notify()
        self._thread.join()
        self._runner.shutdown()

    def _serve(self) -> None:
        while batch := self._collect():
            self._answer(batch)

    def _collect(self) -> list[Asked]:
        """Wait for a question, then a little for more; nothing once the scorer is closed."""
        with self._some:
            self._some.wait_for(lambda: self._asked or self._is_closed)
            until_s = time.monotonic() + WAIT_S
            while self._waiting() < self.batch_frames and not self._is_closed:
                left_s = until_s - time.monotonic()
                if left_s <= 0 or not self._some.wait(left_s):
                    break
            batch: list[Asked] = []
            while self._asked and (not batch or self._fits(batch)):
                batch.append(self._asked.popleft())
            return batch

    def _waiting(self) -> int:
        return sum(len(pixels) for pixels, _ in self._asked)

    def _fits(self, batch: Sequence[Asked]) -> bool:
        taken = sum(len(pixels) for pixels, _ in batch)
        return taken + len(self._asked[0][0]) <= self.batch_frames

    def _score_together(self, batch: Sequence[Asked]) -> ModelOutputs:
        return self._scorer.score(np.concatenate([pixels for pixels, _ in batch]))

    def _answer(self, batch: Sequence[Asked]) -> None:
        scored = self._runner.submit(self._score_together, batch)
        if (error := scored.exception()) is not None:  # whoever asked gets it raised
            for _, answer in batch:
                answer.set_exception(error)
            return
        outputs = scored.result()
        self.frames += len(outputs.scores)
        self.batches += 1
        self._on_batch(len(outputs.scores), self.batch_frames)
        start = 0
        for pixels, answer in batch:
            stop = start + len(pixels)
            rows = slice(start, stop)
            answer.set_result(
                ModelOutputs(outputs.scores[rows], outputs.features[rows], outputs.logits[rows])
            )
            start = stop
