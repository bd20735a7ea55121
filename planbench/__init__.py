"""Measure how hard it is to compute an optimal economic plan.

``import planbench as pb`` gives the functions of :mod:`planbench.api`, each imported when it is
first used.

The package is layered; imports only go up this list:

``model`` → ``io`` → ``generators`` → ``catalogue`` → ``certificates`` → ``solvers`` →
``records`` → ``measure`` → ``stats`` → ``bench`` → ``report`` → ``cli``, ``api``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planbench.version import __version__

if TYPE_CHECKING:
    from planbench.api import *

__all__ = [
    "Bracket",
    "Certificate",
    "Comparison",
    "Economy",
    "InputError",
    "Instance",
    "LinearProgram",
    "LpPoint",
    "Plan",
    "PlanbenchError",
    "Record",
    "Result",
    "SolverError",
    "SolverUnavailableError",
    "__version__",
    "certify",
    "compare",
    "generate",
    "load",
    "make_economy",
    "make_linear_program",
    "read_results",
    "run_suite",
    "solve",
]


def __getattr__(name: str) -> Any:
    """Import what the front door offers when it is first asked for."""
    if name in __all__:
        from planbench import api

        globals()[name] = found = getattr(api, name)
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List what the front door offers."""
    return sorted({*globals(), *__all__})
