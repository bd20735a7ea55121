"""Names the shell can complete: built-in instances, solvers, suites.

A shell waits for these, so nothing is loaded but lists of names.
"""

from __future__ import annotations

from collections.abc import Iterator


def instance_names(incomplete: str) -> list[str]:
    """Built-in instances that begin with `incomplete`."""
    from planbench.catalogue.builtin import builtin_names

    return [name for name in builtin_names() if name.startswith(incomplete)]


def suite_names(incomplete: str) -> list[str]:
    """Suites that ship with planbench."""
    from planbench.bench.suite import list_suites

    return [name for name in list_suites() if name.startswith(incomplete)]


def solver_names(incomplete: str) -> list[tuple[str, str]]:
    """Solvers with their method; ``:stock`` variants once the name is complete."""
    return [item for item in _solvers(":" in incomplete) if item[0].startswith(incomplete)]


def solver_lists(incomplete: str) -> list[tuple[str, str]]:
    """Solvers behind the last comma of a list."""
    done, comma, last = incomplete.rpartition(",")
    names = [("all", "every solver available here"), *_solvers(":" in last)]
    return [(done + comma + name, method) for name, method in names if name.startswith(last)]


def _solvers(stock: bool) -> Iterator[tuple[str, str]]:
    from planbench.solvers.registry import list_solvers

    for spec in list_solvers():
        yield spec.name, f"{spec.family} {spec.method}".strip()
        if stock and spec.stock:
            yield f"{spec.name}:stock", f"{spec.family}, own defaults"
