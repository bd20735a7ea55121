"""``planbench verify``: judge a plan made by anyone."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planbench.cli import console, options

if TYPE_CHECKING:
    from planbench.catalogue.instance import Instance
    from planbench.certify import Certificate
    from planbench.cli.violations import Violations

EXAMPLES = (
    "planbench solve us-bea-71 -o plan.csv && planbench verify us-bea-71 plan.csv",
    "planbench verify model.mps answer.csv --tolerance 1e-4",
)

_KINDS = {
    "good": "goods balances",
    "resource": "resources",
    "activity": "activities",
    "target": "targets",
    "row": "rows",
    "column": "columns",
}


def verify(
    instance: options.InstanceArgument,
    plan: Annotated[
        Path, typer.Argument(metavar="PLAN", help="Plan file: .npz or .csv.", show_default=False)
    ],
    tolerance: Annotated[
        str, typer.Option(metavar="T", help="Relative gap up to which the plan passes.")
    ] = "1e-6",
    polish: Annotated[
        bool, typer.Option("--polish/--no-polish", help="Also try to close the gap by polishing.")
    ] = True,
    relax: options.RelaxOption = False,
    json: options.JsonOption = False,
) -> int:
    """Certify a PLAN for an INSTANCE: how good is it, proven from the instance alone.

    Prices in the file are used for the upper bound, and nothing is taken on trust. Exit code
    0: certified to within the tolerance; 1: not; 2: bad input.
    """
    asked = options.parse_number(tolerance, "--tolerance", 0.0, 1.0)
    assert asked is not None
    found = options.load(instance, relax)
    certificate, worst = _judge(found, plan, asked, polish)
    if json:
        console.print_json(_document(found, plan, asked, certificate, worst))
    else:
        _show(found, plan, asked, certificate, worst)
    return 0 if certificate.verdict == "certified" else 1


def _judge(
    instance: Instance, path: Path, tolerance: float, polish: bool
) -> tuple[Certificate, Violations]:
    from dataclasses import replace

    from planbench.certify import certify, certify_plan
    from planbench.certify.check import residuals
    from planbench.cli.violations import violations
    from planbench.io.plan_file import read_plan
    from planbench.model.planning_lp import lp_from_plan
    from planbench.solvers.base import Solution

    if instance.economy is not None:
        plan = read_plan(path, instance.economy)
        certificate = certify_plan(instance.economy, plan, tolerance=tolerance, polish=polish)
        x, y = lp_from_plan(instance.economy, plan)
        certificate = replace(certificate, residuals=residuals(instance.lp, x, y))
    else:
        point = read_plan(path, instance.lp)
        x = point.x
        # A plan handed in for judgement claims to be optimal; its objective is recomputed.
        answer = Solution(claim="optimal", x=x, y=point.y, objective=None, native_status="")
        certificate = certify(instance.lp, None, answer, tolerance=tolerance, polish=polish)
    return certificate, violations(instance, x)


def _document(
    instance: Instance,
    path: Path,
    tolerance: float,
    certificate: Certificate,
    worst: Violations,
) -> dict[str, Any]:
    facts = asdict(certificate)
    facts["certificate"] = facts.pop("kind")
    return {
        "instance": instance.name,
        "sha256": instance.sha256,
        "plan": str(path),
        "tolerance": tolerance,
        **facts,
        "known_optimum": instance.optimum,
        "violations": [asdict(v) for v in worst.worst],
        "violations_by_kind": worst.by_kind,
    }


def _verdict_words(certificate: Certificate, tolerance: float) -> str:
    from planbench.certify import relative_gap
    from planbench.report import words

    asked = words.gap(tolerance)
    if certificate.verdict == "certified":
        return f"proven to be within {asked} of the optimum"
    gap = relative_gap(certificate.lower_bound, certificate.upper_bound)
    if gap is not None:
        return f"proven no closer to the optimum than {words.gap(gap)}, asked for {asked}"
    if certificate.upper_bound is None and certificate.lower_bound is None:
        return "neither a feasible plan nor usable prices"
    if certificate.upper_bound is None:
        return "no usable prices, so nothing says how much better a plan could be"
    return "no feasible plan"


def _show(
    instance: Instance,
    path: Path,
    tolerance: float,
    certificate: Certificate,
    worst: Violations,
) -> None:
    from rich.text import Text

    from planbench.cli import views
    from planbench.cli.figures import amount
    from planbench.report import words

    gap = f"{words.gap(certificate.raw_gap)} raw"
    if certificate.polished_gap is not None:
        gap += (
            f", {words.gap(certificate.polished_gap)} after "
            f"{words.seconds(certificate.polish_s)} of polish"
        )
    style = "bold green" if certificate.verdict == "certified" else "bold red"
    said = _verdict_words(certificate, tolerance)
    rows: list[tuple[str, str | Text]] = [
        ("plan", str(path)),
        ("verdict", Text.assemble((certificate.verdict, style), f": {said}")),
        ("certified", views.bracket_text(certificate.lower_bound, certificate.upper_bound)),
        ("gap", gap),
    ]
    if instance.optimum is not None:
        known = views.known_optimum(
            instance.optimum, certificate.lower_bound, certificate.upper_bound
        )
        rows.append(("known optimum", known))
    rows += [("remark", views.text(reason, "yellow")) for reason in certificate.reasons]
    parts: list[Any] = [views.head(instance), views.pairs(rows)]
    point = certificate.residuals
    if point is not None:
        parts.append(
            views.listing(
                "Residuals",
                (("kind", "left"), ("absolute", "right"), ("scaled", "right")),
                (
                    (
                        "plan (primal), largest",
                        amount(max(point.primal, 0.0), 3),
                        amount(max(point.primal_scaled, 0.0), 3),
                    ),
                    *(
                        (f"plan: {_KINDS[kind]}", amount(found, 3), "")
                        for kind, found in worst.by_kind.items()
                    ),
                    ("prices (dual), largest", amount(point.dual, 3), amount(point.dual_scaled, 3)),
                    ("complementarity", "", amount(point.complementarity, 3)),
                    ("objective of the plan", amount(point.primal_objective, 9), ""),
                    ("objective of the prices", amount(point.dual_objective, 9), ""),
                ),
            )
        )
    if worst.worst:
        parts.append(
            views.listing(
                "Worst violated",
                (("kind", "left"), ("name", "left"), ("missing", "right"), ("relative", "right")),
                ((v.kind, v.name, amount(v.amount), words.gap(v.scaled)) for v in worst.worst),
            )
        )
    views.show(console.out(), parts)
