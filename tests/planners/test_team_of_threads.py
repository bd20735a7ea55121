"""Threads that share a planner's work: who gets which part, and in which order it comes back."""

from __future__ import annotations

import threading

import pytest

from planbench.planners import team


def test_parts_cover_everything_once() -> None:
    """A gap would leave goods without a price, an overlap would be written by two at a time."""
    with team.share(3, grain=0) as threads:
        for count in (1, 2, 3, 10, 1001):
            parts = threads.parts(count, 10**9)
            assert [good for a, b in parts for good in range(a, b)] == list(range(count))
            assert len(parts) == min(3, count)


def test_little_work_is_not_shared() -> None:
    with team.share(2) as threads:
        assert threads.parts(100, 2 * team.GRAIN - 1) == [(0, 100)]
        assert threads.parts(100, 2 * team.GRAIN) == [(0, 50), (50, 100)]


def test_parts_run_side_by_side_and_come_back_in_order() -> None:
    """All wait for one another: with fewer threads than parts nobody would pass the barrier."""
    meeting = threading.Barrier(3, timeout=30)

    def task(number: int, begin: int, end: int) -> tuple[int, int, int]:
        meeting.wait()
        return number, begin, end

    with team.share(3, grain=0) as threads:
        assert threads.used == 1
        assert threads.each(task, threads.parts(9, 1)) == [(0, 0, 3), (1, 3, 6), (2, 6, 9)]
        assert threads.used == 3


@pytest.mark.parametrize("where", [0, 1])
def test_an_error_in_a_part_is_raised_and_the_team_goes_on(where: int) -> None:
    def task(number: int, _begin: int, _end: int) -> int:
        if number == where:
            raise ZeroDivisionError("in a part")
        return number

    with team.share(2, grain=0) as threads:
        parts = threads.parts(2, 1)
        with pytest.raises(ZeroDivisionError, match="in a part"):
            threads.each(task, parts)
        assert threads.each(lambda number, _a, _b: number, parts) == [0, 1]


def test_one_thread_outside_the_block_and_in_the_threads_of_a_team() -> None:
    """A part that shared its own work would wait for a thread that waits for it."""
    with team.share(2, grain=0) as threads:
        assert team.current() is threads
        sizes = threads.each(lambda *_: team.current().size, threads.parts(2, 1))
        assert sizes == [2, 1]
    assert team.current().size == 1


def test_threads_end_with_the_block() -> None:
    """A process that forks while threads end may wait for ever for a lock that one of them held."""
    before = set(threading.enumerate())
    with team.share(4):
        assert len(set(threading.enumerate()) - before) == 3
    assert set(threading.enumerate()) <= before
