"""Reading HiGHS's log: which of its methods ran, whatever interface called it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from planbench.errors import SolverError
from planbench.solvers.base import Claim

#: What the log says when a method starts (HiGHS 1.12 to 1.16).
ENGINES = {
    "dual simplex": re.compile(r"^Using (?:EKK )?(?:parallel )?dual simplex solver", re.MULTILINE),
    "primal simplex": re.compile(r"^Using (?:EKK )?primal simplex solver", re.MULTILINE),
    "IPX": re.compile(r"^IPX version", re.MULTILINE),
    "HiPO": re.compile(r"^Running HiPO", re.MULTILINE),
    "cuPDLP-C": re.compile(r"^Solving with cuPDLP-C", re.MULTILINE),
    "HiPDLP": re.compile(r"^(?:Using|Solving with) HiPDLP", re.MULTILINE),
}
_SIMPLEX = {"dual simplex", "primal simplex"}
_NO_OPTIMUM = ("infeasible", "unbounded", "infeasible-or-unbounded")


def version_of(log: str) -> str:
    """Version in the banner, or an empty string."""
    found = re.search(r"Running HiGHS (\S+)", log)
    return found[1] if found else ""


def iterations_of(log: str) -> dict[str, int]:
    """Read iteration counts by kind from the report at the end of a run."""
    words = {"Simplex": "simplex", "IPM": "ipm", "Crossover": "crossover", "PDLP": "pdlp"}
    found = re.findall(r"^(\w+)\s+iterations: (\d+)", log, re.MULTILINE)
    return {words[word]: int(count) for word, count in found if word in words and int(count)}


def threads_of(log: str) -> int | None:
    """Threads the log speaks of (HiPO and the parallel simplex do), or None."""
    found = re.search(r"^Threads:\s+(\d+)", log, re.MULTILINE) or re.search(
        r"^Using .*dual simplex solver.* concurrency of (\d+)", log, re.MULTILINE
    )
    return int(found[1]) if found else None


def method_that_ran(
    log: str,
    name: str,
    engine: str,
    claim: Claim,
    iterations: Mapping[str, int],
    *,
    helpers: frozenset[str] = frozenset(),
) -> str:
    """Read from the log which method ran, and refuse any but the one asked for.

    Parameters
    ----------
    log : str
        HiGHS's log of the run.
    name : str
        Adapter name, for the message.
    engine : str
        Key of :data:`ENGINES` that was asked for.
    claim : Claim
        HiGHS decides "infeasible or unbounded" by its primal simplex whatever the method.
    iterations : mapping
        Iteration counts by kind.
    helpers : frozenset of str
        Engines that belong to the method, e.g. IPX and simplex for crossover.

    Returns
    -------
    str
        The methods in words, e.g. ``"IPX"``, ``"presolve"``, ``"none (no rows)"``.

    Raises
    ------
    SolverError
        If another method ran in its place, or went on where it had stopped.
    """
    found = [e for e, pattern in ENGINES.items() if pattern.search(log)]
    parallel = " (PAMI)" if "dual simplex solver - PAMI" in log else ""
    no_optimum = claim in _NO_OPTIMUM
    if engine in found:
        others = [e for e in found if e != engine]
        allowed = helpers | (_SIMPLEX if no_optimum else set())
        for other in others:
            if other not in allowed and (other not in _SIMPLEX or iterations.get("simplex")):
                raise SolverError(f"{name}: HiGHS went on with {other} after {engine}")
        return " + ".join([engine + parallel, *others])
    if "Problem status detected on presolve" in log or "Reduced to empty" in log:
        # What is left to do after presolve is a clean-up that HiGHS does by simplex.
        return " + ".join(["presolve", *found])
    if found:
        raise SolverError(f"{name}: asked for {engine}, but HiGHS ran {found[0]}")
    if "Solving an unconstrained LP" in log:
        return "none (no rows)"
    raise SolverError(f"{name}: HiGHS's log does not show that {engine} ran")
