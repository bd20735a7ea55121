"""Synthetic records for the tests of the report."""

from __future__ import annotations

import hashlib
from typing import Any

from planbench.certificates.certificate import CERTIFICATE_VERSION
from planbench.records.schema import InstanceFacts, PhaseCost, Record
from planbench.records.values import recipe_parts

MACHINE = {
    "id": "0123456789ab",
    "cpu": "Test CPU",
    "cores": 2,
    "threads": 4,
    "memory_bytes": 8_000_000_000,
    "kernel": "6.1.0",
    "python": "3.11.9",
}
#: Slope and seconds at 1,000 goods of each synthetic solver.
LAWS = {
    "highs-ds": (2.5, 0.6),
    "highs-ipm": (2.0, 0.8),
    "highs-ipm-crossover": (2.05, 0.9),
    "highs-hipo": (1.9, 0.5),
    "highs-pdlp": (1.2, 0.25),
    "highs-hipdlp": (1.1, 0.06),
    "scipy-highs-ds": (2.5, 0.7),
    "scipy-highs-ipm": (2.1, 0.9),
    "cbc": (2.6, 1.3),
    "cbc-mps": (2.6, 1.1),
    "glop": (2.4, 0.5),
    "pdlp": (1.25, 0.3),
}


def make_record(solver: str = "highs-ds", instance: str = "tiny", **changes: Any) -> Record:
    """Build a solved row on a small instance; `changes` replace fields of the record."""
    value = changes.get("objective", 1.25)
    value = 1.25 if value is None else value
    goods = changes.pop("goods", 4)
    recipe = changes.pop("recipe", {})
    nonzeros = changes.pop("nonzeros", 12 * (goods or 5))
    facts = InstanceFacts(
        name=instance,
        sha256=hashlib.sha256(f"{instance} {recipe}".encode()).hexdigest(),
        recipe=recipe,
        asked=recipe_parts(instance),
        goods=goods,
        activities=None if goods is None else 2 * goods,
        resources=None if goods is None else 5,
        targets=None if goods is None else 1,
        rows=(goods or 5) + 5,
        columns=2 * (goods or 5) + 1,
        nonzeros=nonzeros,
    )
    fields: dict[str, Any] = {
        "key": f"{instance}|{solver}",
        "started_at": "2026-11-22T03:00:00+00:00",
        "instance": facts,
        "solver": solver,
        "solver_version": "1.15.1",
        "ended": "ok",
        "claim": "optimal",
        "native_status": "Optimal",
        "verdict": "certified",
        "certificate_version": CERTIFICATE_VERSION,
        "certificate": "exact",
        "objective": 1.25,
        "lower_bound": value * (1 - 1e-9),
        "upper_bound": value * (1 + 1e-9),
        "raw_gap": 2e-9,
        "polished_gap": 1e-12,
        "wall_s": 0.5,
        "cpu_s": 0.48,
        "peak_bytes": 12_000_000,
        "matrix_passes": 1234.0,
        "pass_s_before": 1e-4,
        "pass_s_after": 1.1e-4,
        "iterations": {"simplex": 120},
        "phases": [
            PhaseCost(name="load", wall_s=0.01, cpu_s=0.01, peak_bytes=2_000_000),
            PhaseCost(name="solve", wall_s=0.48, cpu_s=0.46, peak_bytes=12_000_000),
        ],
        "time_limit_s": 10.0,
        "machine": MACHINE,
        "packages": {"highspy": "1.15.1", "numpy": "2.4.6"},
        "commit": "0123456789abcdef",
    }
    fields.update(changes)
    return Record(**fields)


def make_failure(solver: str, ended: str, instance: str = "tiny", **changes: Any) -> Record:
    """Build a row of a run that gave no answer."""
    nothing: dict[str, Any] = dict.fromkeys(
        (
            "claim",
            "certificate",
            "objective",
            "lower_bound",
            "upper_bound",
            "raw_gap",
            "polished_gap",
            "wall_s",
            "matrix_passes",
            "pass_s_after",
        )
    )
    nothing.update(verdict="unproven", ended=ended, native_status="", phases=[])
    nothing.update(message=f"ended by {ended}")
    return make_record(solver, instance, **(nothing | changes))


def make_ladder(
    name: str = "uniform",
    sizes: tuple[int, ...] = (100, 300, 1000, 3000, 10000),
    laws: dict[str, tuple[float, float]] | None = None,
    limit: float = 10.0,
    scatter: float = 0.03,
) -> list[Record]:
    """Build a ladder whose exponents are known; a solver stops climbing at its first timeout."""
    rows = []
    for number, (solver, (slope, at_1000)) in enumerate((laws or LAWS).items()):
        for rung, size in enumerate(sizes):
            noise = 1 + scatter * ((7 * number + 5 * rung) % 3 - 1)
            wall = (at_1000 * (size / 1000) ** slope + 0.002) * noise
            one_pass = 2e-8 * size
            shared: dict[str, Any] = {
                "instance": f"gen:goods={size},structure={name}",
                "recipe": {"goods": size, "structure": name, "seed": 1},
                "goods": size,
                "group": name,
                "suite": "quick",
                "nonzeros": 22 * size,
                "pass_s_before": one_pass,
                "time_limit_s": limit,
                "key": f"{solver}|{name}|{size}",
            }
            value = 1.1 * (1 + 0.01 * rung)
            if wall > limit:
                rows.append(make_failure(solver, "timeout", peak_bytes=int(9e3 * size), **shared))
                break
            gap = 3e-5 if "pdlp" in solver else 2e-9
            rows.append(
                make_record(
                    solver,
                    wall_s=wall,
                    matrix_passes=0.98 * wall / one_pass,
                    pass_s_after=one_pass * 1.02,
                    peak_bytes=int(1e6 + 8e3 * size ** (1.0 if "pdlp" in solver else 1.25)),
                    objective=value,
                    lower_bound=value * (1 - gap / 2),
                    upper_bound=value * (1 + gap / 2),
                    raw_gap=gap,
                    polished_gap=gap / 10,
                    **shared,
                )
            )
    return rows


def make_suite() -> list[Record]:
    """Build two ladders and golden instances with every kind of failure in them."""
    rows = make_ladder("uniform") + make_ladder(
        "powerlaw", laws={name: (b + 0.1, a * 1.6) for name, (b, a) in LAWS.items()}
    )
    for instance, goods, value in (
        ("kantorovich-excavators", 3, 70.4932735426),
        ("cockshott-five-year", 55, 7.336453089662),
        ("us-bea-71", 71, 1.0),
    ):
        for number, solver in enumerate(LAWS):
            rows.append(
                make_record(
                    solver,
                    instance,
                    goods=goods,
                    objective=value,
                    lower_bound=value * (1 - 1e-10),
                    upper_bound=value * (1 + 1e-10),
                    raw_gap=2e-10,
                    wall_s=0.002 + 0.001 * number,
                    group="golden",
                    suite="quick",
                )
            )
    rows.append(
        make_record(
            "null",
            "us-bea-71",
            goods=71,
            claim="unknown",
            verdict="loose",
            objective=None,
            lower_bound=0.0,
            upper_bound=3.1,
            raw_gap=1.0,
            polished_gap=0.4,
            wall_s=1e-4,
            matrix_passes=1.0,
            group="golden",
            suite="quick",
        )
    )
    return rows
