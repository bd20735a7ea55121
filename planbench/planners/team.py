"""Threads that share the work of a planner: kernels run side by side, each on its own part.

Kernels release the interpreter's lock, so plain threads are enough: nothing is compiled twice,
and nothing is left running in a process that forks later. Which part a thread gets depends only
on sizes and on the number of threads, and what the parts hand back is put together in the order
of the parts, so a plan is the same every time for the same number of threads.

The team is ambient (:func:`share`, :func:`current`), as the threads of BLAS are: the kernels
that use it are called from many places. Without :func:`share` there is one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")
Part = tuple[int, int]

#: Numbers read below which a part is not worth a thread: about the time it takes to wake one.
GRAIN = 25_000


class Team:
    """A number of threads, this one included.

    Parameters
    ----------
    size : int
        Threads.
    grain : int
        Work that a part is worth at least; 0 shares everything.

    Attributes
    ----------
    used : int
        Most threads that had a part at one time so far.
    """

    def __init__(self, size: int, grain: int = GRAIN) -> None:
        self.size = size
        self.grain = grain
        self.used = 1
        self._tasks: list[SimpleQueue[Any]] = [SimpleQueue() for _ in range(size - 1)]
        self._done: list[SimpleQueue[Any]] = [SimpleQueue() for _ in range(size - 1)]
        self._threads = [
            Thread(target=_serve, args=pair, daemon=True)
            for pair in zip(self._tasks, self._done, strict=True)
        ]
        for thread in self._threads:
            thread.start()

    def parts(self, count: int, work: int) -> list[Part]:
        """Cut ``range(count)`` into a part per thread, or one where `work` is too little."""
        size = min(self.size, count)
        if size < 2 or work < size * self.grain:
            return [(0, count)]
        return [(k * count // size, (k + 1) * count // size) for k in range(size)]

    def each(self, task: Callable[[int, int, int], T], parts: Sequence[Part]) -> list[T]:
        """Run ``task(number, begin, end)`` on every part at the same time.

        Returns
        -------
        list
            What it gave for each part, in their order.
        """
        self.used = max(self.used, len(parts))
        for k in range(1, len(parts)):
            self._tasks[k - 1].put((task, k, *parts[k]))
        failed: BaseException | None = None
        found: list[Any] = []
        try:
            found.append(task(0, *parts[0]))
        except BaseException as error:
            failed = error
        for k in range(1, len(parts)):
            value, error_there = self._done[k - 1].get()
            found.append(value)
            failed = failed or error_there
        if failed is not None:
            raise failed
        return found

    def close(self) -> None:
        """Let the threads end, and wait until they have."""
        for tasks in self._tasks:
            tasks.put(None)
        for thread in self._threads:
            thread.join()


def _serve(tasks: SimpleQueue[Any], done: SimpleQueue[Any]) -> None:
    while True:
        job = tasks.get()
        if job is None:
            return
        task, *part = job
        try:
            done.put((task(*part), None))
        except BaseException as error:
            done.put((None, error))
        del job, task


_ALONE = Team(1)
_CURRENT: ContextVar[Team] = ContextVar("team", default=_ALONE)


def current() -> Team:
    """Return the team that work is shared among now."""
    return _CURRENT.get()


@contextmanager
def share(threads: int, grain: int = GRAIN) -> Iterator[Team]:
    """Share the work of the block among so many threads."""
    team = Team(threads, grain)
    before = _CURRENT.set(team)
    try:
        yield team
    finally:
        _CURRENT.reset(before)
        team.close()
