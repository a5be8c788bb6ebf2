"""Work ahead: what an iterator yields is made on another thread while it is being used."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pipeline.records import Timings

Item = TypeVar("Item")


def work_ahead(items: Generator[Item], *, depth: int) -> Iterator[Item]:
    """Yield what *items* yields, up to *depth* items of it made beforehand on one other thread.

    An error of *items* is raised here, in its turn. Whoever stops early closes *items* too.
    """
    end = object()
    with ThreadPoolExecutor(max_workers=1) as thread:
        made = deque(thread.submit(next, items, end) for _ in range(depth))
        try:
            while (item := made.popleft().result()) is not end:
                made.append(thread.submit(next, items, end))
                yield item  # type: ignore[misc] # all but `end` is an Item
        finally:
            for future in made:
                future.cancel()
            thread.submit(items.close).result()


class Stopwatch:
    """Adds up the seconds that a clock shows while items are being made."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self.total_s = 0.0
        self._clock_s = clock_s

    def timed(self, items: Iterator[Item]) -> Generator[Item]:
        """Yield what *items* yields and count the time that each takes to be made."""
        while True:
            began_s = self._clock_s()
            try:
                item = next(items)
            except StopIteration:
                return
            finally:
                self.total_s += self._clock_s() - began_s
            yield item


class CpuTimer:
    """Tells where CPU seconds went since it was made.

    Attributes:
        decoding: adds up the seconds of decoding; the rest is mostly scoring.
    """

    def __init__(
        self,
        *,
        decoding_s: Callable[[], float] = time.thread_time,
        all_s: Callable[[], float] = time.process_time,
    ) -> None:
        """Make a timer of two clocks of CPU seconds; those of this process are the default.

        Args:
            decoding_s: read on the thread that decodes.
            all_s: of decoding and everything else.
        """
        self.decoding = Stopwatch(decoding_s)
        self._all_s = all_s
        self._began_s = all_s()

    def read(self) -> Timings:
        """Return the seconds that were spent so far."""
        spent_s = self._all_s() - self._began_s
        decode_s = self.decoding.total_s
        return Timings(decode_s, max(0.0, spent_s - decode_s), 0.0)
