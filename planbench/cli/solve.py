"""``planbench solve``: one solver, one instance, a plan a person can read."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from planbench.bench.request import Conditions, make_request
from planbench.bench.single import RunOutcome, solve_once
from planbench.catalogue.instance import Instance
from planbench.cli import console, options, progress, views
from planbench.cli.plan_facts import plan_facts, solution_facts
from planbench.errors import InputError
from planbench.io.files import check_writable
from planbench.io.plan_file import write_plan
from planbench.model.plan import LpPoint
from planbench.records.schema import Record
from planbench.solvers.registry import choose_solver

#: Read by the parser of the option.
_TEN_MINUTES: Any = "10min"


@dataclass(frozen=True)
class SolveLimits(options.Limits):
    """Limits of a single run."""

    time_limit: options.TimeLimitOption = _TEN_MINUTES


@dataclass(frozen=True)
class Output:
    """What is written and shown of a plan.

    Attributes
    ----------
    plan : PLAN
        Write the plan: .npz or .csv, for verify.
    log : FILE
        Keep the solver's own log; - shows it here.
    top : N
        How many activities, goods and resources to list.
    """

    plan: Annotated[Path | None, typer.Option("--output", "-o", parser=options.plan_file)] = None
    log: str | None = None
    top: Annotated[int, typer.Option(min=0)] = 10


@options.command
def solve(
    instance: options.InstanceArgument,
    solver: options.SolverOption = options.DEFAULT_SOLVER,
    *,
    given: options.SolverOptions,
    limits: SolveLimits,
    output: Output,
    polish: options.PolishOption = True,
    relax: options.RelaxOption = False,
    json: options.JsonOption = False,
) -> int:
    """Compute a plan, certify it, and show it.

    The answer is judged from the instance alone, whatever the solver claims. Exit code 0:
    the solver came to an end and nothing it said is refuted; 1: its answer is wrong, or it was
    stopped at a limit, crashed, or could not run as named; 2: bad input.

    Examples
    --------
    planbench solve us-bea-71 --solver highs-ipm
    planbench solve cockshott-five-year -s highs-ds -o plan.csv
    planbench solve model.mps.gz -s glop --time-limit 10min --log -
    planbench solve gen:goods=1000,seed=1 -s highs-ds --set presolve=on --json
    """
    asked, top, log = given.solve_options(), output.top, output.log
    conditions = Conditions(limits.time_limit, limits.memory, polish, CERTIFIED)
    log_file = check_writable(Path(log)) if log not in (None, "-") else None
    # A solver's name is looked up before the instance, which may take long to load.
    chosen = choose_solver(solver)
    chosen.options(asked)
    found = options.load(instance, relax)
    with progress.Bar(1) as bar:
        outcome = solve_once(
            make_request(found, chosen, asked, conditions),
            keep_log=log_file,
            progress=bar.phases_of(f"{solver} on {found.name}"),
        )
    if log == "-":
        # The document must be alone on standard output.
        stream = sys.stderr if json else sys.stdout
        print(outcome.log, end="" if outcome.log.endswith("\n") else "\n", file=stream)
    if outcome.record.message.startswith("--") and not json:
        raise InputError(outcome.record.message)  # the solver lacks an option
    facts = _facts(found, outcome, top)
    found_something = finding_of(outcome.record)
    try:
        if json:
            document = views.row_document(outcome.record)
            console.print_json(document | {"known_optimum": found.optimum, "plan": facts})
        else:
            _show(found, outcome, facts if top > 0 else None)
        if found_something:
            console.finding(found_something)
    finally:
        # Last, so that a plan that cannot be written costs nothing that was measured; and even
        # if nobody reads the results to their end.
        if output.plan is not None:
            _write_plan(output.plan, found, outcome)
    return 1 if found_something else 0


#: Relative raw gap up to which an answer counts as certified.
CERTIFIED = 1e-6


def finding_of(record: Record) -> str:
    """Say what makes the exit code 1: a refuted answer, or no end of its own; else empty."""
    if record.verdict == "wrong":
        reason = record.reasons[-1] if record.reasons else "its answer is refuted"
        return f"{record.solver} {reason}"
    if record.ended != "ok":
        why = record.message.removeprefix(f"{record.solver}: ")
        return f"{record.solver} {views.ENDED_WORDS[record.ended]}: {why}"
    return ""


def _write_plan(path: Path, instance: Instance, outcome: RunOutcome) -> None:
    if outcome.x is None:
        console.note(f"{path} was not written: the solver handed back no plan")
        return
    if not all(np.isfinite(v).all() for v in (outcome.x, outcome.row_duals) if v is not None):
        console.note(f"{path} was not written: what was handed back holds NaN or infinity")
        return
    if instance.economy is not None and outcome.plan is not None:
        write_plan(outcome.plan, path, instance.economy)
    else:
        write_plan(LpPoint(outcome.x, outcome.row_duals), path, instance.lp)
    console.say(f"wrote {path}")


def _facts(instance: Instance, outcome: RunOutcome, top: int) -> dict[str, Any] | None:
    answer = [part for part in (outcome.x, outcome.row_duals) if part is not None]
    if not all(np.isfinite(part).all() for part in answer):
        return None  # the certificate has said so
    if instance.economy is not None and outcome.plan is not None:
        return plan_facts(instance.economy, outcome.plan, top)
    if outcome.x is not None and outcome.x.size == instance.lp.n_cols:
        return solution_facts(instance.lp, outcome.x, outcome.row_duals, top)
    return None


def _show(instance: Instance, outcome: RunOutcome, facts: dict[str, Any] | None) -> None:
    parts: list[Any] = [views.head(instance), views.outcome(outcome.record, instance, CERTIFIED)]
    if facts is not None and "targets" in facts:
        parts += views.plan(facts)
    elif facts is not None:
        parts += views.solution(facts, instance.lp.n_rows)
    if outcome.record.phases:
        parts += views.cost(outcome.record)
    views.show(parts)
