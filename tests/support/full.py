"""What `make test` runs, and what only `make test-full` adds.

``PLANBENCH_FULL=1`` runs everything: long fuzzing, economies of a million goods, statistical
records, and the many variants of one promise of which `make test` takes a few.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import hypothesis
import pytest

FULL = os.environ.get("PLANBENCH_FULL") == "1"

#: Marks a test, or one of its parameters, that only `make test-full` runs.
full_only = pytest.mark.skipif(not FULL, reason="PLANBENCH_FULL=1 runs it")


def full_param(*values: Any, id: str | None = None) -> Any:
    """One case of a parametrised test that only `make test-full` runs."""
    return pytest.param(*values, marks=full_only, id=id)


def few(values: Iterable[Any], keep: Callable[[Any], bool]) -> list[Any]:
    """All `values` as cases of a test; those that `keep` refuses run in `make test-full` only."""
    return [value if keep(value) else full_param(value) for value in values]


def examples(most: int) -> hypothesis.settings:
    """At most so many random examples of a property; ten times as many in `make test-full`."""
    return hypothesis.settings(max_examples=most * (10 if FULL else 1))
