"""Where work items run: threads of one torch thread each, results in order.

Windows and chunks are independent, so parallelism lies between them, not inside an operator: two
threads with one torch thread each render faster than one with two, and the samples cannot depend on
how many there are. Threads share the model's memory; torch frees the interpreter while it computes.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

import torch

from ambientgen.cores import usable_cores

Item = TypeVar("Item")
Result = TypeVar("Result")


class Stopped(Exception):  # noqa: N818 (a request, not an error)
    """Work given up because nobody waits for it any more."""


class Workers:
    """Worker threads on this machine. Use as a context manager: leaving it drops queued work."""

    def __init__(self, count: int | None = None) -> None:
        """count: None, one for each core."""
        self.count = count or usable_cores()
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(
            self.count,
            thread_name_prefix="ambientgen",
            initializer=torch.set_num_threads,
            initargs=(1,),
        )

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def checkpoint(self) -> None:
        """For long items to call now and then: raises Stopped once the workers are being left."""
        if self._stopping.is_set():
            raise Stopped

    def run(self, work: Callable[[], Result]) -> Result:
        """`work()` on a worker: with its one torch thread, the same bits on every machine."""
        return self._pool.submit(work).result()

    def map(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """`work(item)` for each item, in order; at most two items a worker are under way, so
        memory stays constant however many there are."""
        pending: deque[Future[Result]] = deque()
        for item in items:
            pending.append(self._pool.submit(work, item))
            if len(pending) >= 2 * self.count:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
