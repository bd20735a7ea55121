"""``planbench verify``: judge a plan made by anyone."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

import planbench.formatting as fmt
from planbench.bench.request import Conditions, make_request
from planbench.bench.single import solve_once
from planbench.catalogue.instance import Instance
from planbench.certificates import Certificate, certify
from planbench.certificates.certificate import CERTIFICATE_VERSION
from planbench.cli import console, options, progress, views
from planbench.cli.plan_facts import violations
from planbench.io.plan_file import read_parts
from planbench.measure.memory import default_limit
from planbench.model.arrays import FloatArray
from planbench.model.plan import LpPoint
from planbench.report.table import Column
from planbench.solvers.base import SolveOptions
from planbench.solvers.registry import find_solver

#: Read by the parsers of their options.
TOLERANCE: Any = "1e-6"
DEFAULT_LIMIT: Any = "1min"

_KINDS = {
    "good": "goods balances",
    "resource": "resources",
    "activity": "activities",
    "target": "targets",
    "row": "rows",
    "column": "columns",
}


@options.command
def verify(
    instance: options.InstanceArgument,
    plan: Path,
    tolerance: Annotated[float, typer.Option(parser=options.between(0.0, 1.0))] = TOLERANCE,
    solver: options.SolverOption = options.DEFAULT_SOLVER,
    time_limit: options.TimeLimitOption = DEFAULT_LIMIT,
    polish: options.PolishOption = True,
    relax: options.RelaxOption = False,
    json: options.JsonOption = False,
) -> int:
    """Certify a PLAN for an INSTANCE: how good is it, proven from the instance alone.

    PLAN may hold a plan, prices, or both; nothing in it is taken on trust. A plan without prices
    (or prices without a plan) is measured against a bound that planbench finds itself: it lets
    --solver solve the instance, within --time-limit. Exit code 0: what was handed in is certified
    to within the tolerance; 1: not; 2: bad input.

    Parameters
    ----------
    plan : PLAN
        Plan file: .npz or .csv.
    tolerance : T
        Relative tolerance up to which an answer passes.

    Examples
    --------
    planbench solve us-bea-71 -o plan.csv && planbench verify us-bea-71 plan.csv
    planbench verify model.mps answer.csv --tolerance 1e-4
    """
    # It must be there only if a bound has to be found.
    find_solver(solver).options(SolveOptions())
    found = options.load(instance, relax)
    problem = found.economy if found.economy is not None else found.lp
    x, y = _columns_and_duals(found, read_parts(plan, problem))
    bound = None
    given = [part for part in (x, y) if part is not None]
    if len(given) == 1 and np.isfinite(given[0]).all():
        bound = _find_bound(found, solver, time_limit)
    certificate = certify(
        found.lp,
        found.economy,
        LpPoint(x, y, claim="feasible"),
        tolerance=tolerance,
        polish=polish,
        known=(bound["lower_bound"], bound["upper_bound"]) if bound else (None, None),
        delivers=True,
    )
    worst, by_kind = ([], {}) if x is None else violations(found, x)
    proven = asdict(certificate)
    document: dict[str, Any] = {
        "instance": found.name,
        "sha256": found.sha256,
        "plan": str(plan),
        "tolerance": tolerance,
        "certificate_version": CERTIFICATE_VERSION,
        "certificate": proven.pop("kind"),
        **proven,
        "bound_from": bound,
        "known_optimum": found.optimum,
        "violations": worst,
        "violations_by_kind": by_kind,
    }
    if json:
        console.print_json(document)
    else:
        _show(found, certificate, document)
    return 0 if certificate.verdict == "certified" else 1


def _columns_and_duals(
    instance: Instance, parts: dict[str, FloatArray]
) -> tuple[FloatArray | None, FloatArray | None]:
    """Columns and row duals of the linear program; None for what the file does not hold."""
    if instance.economy is None:
        return parts.get("x"), parts.get("y")
    x = np.concatenate([parts["x"], parts["z"]]) if "x" in parts else None
    has_prices = "p" in parts and "w" in parts
    return x, np.concatenate([-parts["p"], parts["w"]]) if has_prices else None


def _find_bound(instance: Instance, solver: str, limit_s: float) -> dict[str, Any]:
    """Let `solver` solve the instance, for the bounds that its answer proves."""
    with progress.Bar(1) as bar:
        record = solve_once(
            make_request(instance, solver, SolveOptions(), Conditions(limit_s, default_limit())),
            progress=bar.phases_of(f"{solver} on {instance.name}, for a bound"),
        ).record
    return {
        "solver": record.solver,
        "ended": record.ended,
        "wall_s": record.wall_s,
        "lower_bound": record.lower_bound,
        "upper_bound": record.upper_bound,
        "message": record.message,
    }


def _show(instance: Instance, certificate: Certificate, document: dict[str, Any]) -> None:
    worst, by_kind = document["violations"], document["violations_by_kind"]
    rows: views.Pairs = [
        ("file", document["plan"]),
        ("verdict", views.verdict_text(certificate, document["tolerance"])),
        *views.verdict_rows(certificate),
        *views.proof_rows(certificate, instance.optimum),
    ]
    if bound := document["bound_from"]:
        how = "" if bound["ended"] == "ok" else f", which ended by {bound['ended']}"
        rows.append(("bound from", f"{bound['solver']} in {fmt.seconds(bound['wall_s'])}{how}"))
    rows += [("remark", views.text(reason, "yellow")) for reason in certificate.reasons]
    parts: list[Any] = [views.head(instance), views.pairs(rows)]
    point = certificate.residuals
    if point is not None and by_kind:
        largest, scaled = max(point.primal, 0.0), max(point.primal_scaled, 0.0)
        lines = [
            ("plan (primal), largest", fmt.amount(largest, 3), fmt.amount(scaled, 3)),
            *((f"plan: {_KINDS[kind]}", fmt.amount(v, 3), "") for kind, v in by_kind.items()),
            ("prices (dual), largest", fmt.amount(point.dual, 3), fmt.amount(point.dual_scaled, 3)),
            ("complementarity", "", fmt.amount(point.complementarity, 3)),
            ("objective of the plan", fmt.amount(point.primal_objective, 9), ""),
            ("objective of the prices", fmt.amount(point.dual_objective, 9), ""),
        ]
        columns = Column("kind"), "absolute", "scaled"
        parts.append(views.listing("Residuals", columns, lines))
    if worst:
        heads = Column("kind"), Column("name"), "missing", "relative"
        rows_of_worst = [
            (v["kind"], v["name"], fmt.amount(v["amount"]), fmt.gap(v["scaled"])) for v in worst
        ]
        parts.append(views.listing("Worst violated", heads, rows_of_worst))
    views.show(parts)
