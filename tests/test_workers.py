"""Work items on threads: in order, bounded, one torch thread each."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import torch

from ambientgen.workers import Stopped, Workers


@pytest.mark.parametrize("count", [1, 2, 5])
def test_results_come_in_order_whoever_is_faster(count: int) -> None:
    def work(item: int) -> int:
        time.sleep(0.002 * (item % 3))
        return item * item

    with Workers(count) as workers:
        assert list(workers.map(work, range(20))) == [n * n for n in range(20)]


def test_every_worker_has_one_torch_thread() -> None:
    with Workers(2) as workers:
        assert set(workers.map(lambda _: torch.get_num_threads(), range(8))) == {1}


def test_items_are_drawn_as_they_are_needed() -> None:
    drawn = 0

    def items() -> Iterator[int]:
        nonlocal drawn
        for item in range(1000):
            drawn += 1
            yield item

    with Workers(2) as workers:
        results = workers.map(lambda item: item, items())
        for _ in range(10):
            next(results)
        assert drawn <= 10 + 2 * 2


def test_a_failing_item_reaches_the_caller() -> None:
    def work(item: int) -> int:
        if item == 3:
            raise ValueError("three")
        return item

    with Workers(2) as workers, pytest.raises(ValueError, match="three"):
        list(workers.map(work, range(10)))


def test_leaving_early_drops_queued_work() -> None:
    started = threading.Semaphore(0)

    def work(item: int) -> int:
        started.release()
        time.sleep(0.01)
        return item

    began = time.monotonic()
    with Workers(1) as workers:
        next(workers.map(work, range(10_000)))
    assert time.monotonic() - began < 5


def test_one_item_runs_on_a_worker() -> None:
    with Workers(1) as workers:
        assert workers.run(lambda: threading.current_thread().name).startswith("ambientgen")
        assert workers.run(torch.get_num_threads) == 1


def test_long_items_give_up_when_the_engine_is_left() -> None:
    gave_up = threading.Event()

    def work(_: int) -> None:
        try:
            while True:
                workers.checkpoint()
                time.sleep(0.001)
        except Stopped:
            gave_up.set()
            raise

    workers = Workers(1)
    with pytest.raises(KeyboardInterrupt), workers:
        workers._pool.submit(work, 0)
        raise KeyboardInterrupt
    assert gave_up.is_set()
