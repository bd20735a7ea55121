"""``planbench ab``: which of two sides is slower, on given instances, and is it sure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from planbench.bench.plan import plan_suite
from planbench.bench.suite import load_suite
from planbench.cli import completion, console, options, progress
from planbench.cli.regress import show
from planbench.comparison import render
from planbench.comparison.ab import (
    Control,
    PairedComparison,
    Settings,
    ab_document,
    compare_sides,
)
from planbench.comparison.paired import Measurement
from planbench.comparison.sides import HERE, Side, default_solvers, packages_under_test, parse_side
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.files import check_writable, write_text
from planbench.measure.memory import default_limit
from planbench.solvers.registry import distributions, find_solver, solvers_that_use
from planbench.stats.paired import Schedule

EXAMPLES = (
    "planbench ab --a highspy==1.13.1 --b highspy==1.15.1 model.mps",
    "planbench ab --a highspy==1.14.0 us-bea-71 gen:goods=1000,seed=1 -s highs-ds -s highs-ipm",
    "planbench ab --a presolve=on --b presolve=off us-bea-71 --least-effect 10%",
    "planbench ab --a highspy==1.15.1 --b ./highspy-1.16.0-cp312-cp312-linux_x86_64.whl model.mps",
    "planbench ab --a git:HEAD~1 --b here --suite smoke --markdown comment.md",
)

#: Read by the parsers of their options.
DEFAULT_LIMIT: Any = "60s"
BUDGET: Any = "10min"
LEAST_EFFECT: Any = "5%"
RESULTS = Path("results/ab.jsonl")
_SIDE = (
    "PACKAGE==VERSION or what else pip takes, a wheel or folder, git:REF, OPTION=VALUE, or here; "
    "several with commas."
)
_SIDES = "Sides"

Confidence = Annotated[
    float,
    typer.Option(
        parser=options.between(0.5, 1.0),
        metavar="P",
        help="That no verdict is wrong, over all instances.",
    ),
]
ControlOption = Annotated[
    bool,
    typer.Option(
        "--control/--no-control", help="Run something unchanged with each run, see docs/ab.md."
    ),
]
ResultsFile = Annotated[
    Path,
    typer.Option(dir_okay=False, metavar="FILE", help="Results file; every run is a row of it."),
]
Resume = Annotated[
    bool, typer.Option("--resume/--fresh", help="Count pairs in the results file, or start anew.")
]


def ab(
    instances: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INSTANCE",
            help="Built-in names, files or gen:goods=…",
            autocompletion=completion.instance_names,
            show_default=False,
        ),
    ] = None,
    a: Annotated[
        str | None,
        typer.Option(
            "--a",
            metavar="SIDE",
            help=f"Baseline: {_SIDE} here, if only --b is given.",
            rich_help_panel=_SIDES,
            show_default=False,
        ),
    ] = None,
    b: Annotated[
        str | None,
        typer.Option(
            "--b",
            metavar="SIDE",
            help="Candidate; here, if only --a is given.",
            rich_help_panel=_SIDES,
            show_default=False,
        ),
    ] = None,
    suite: Annotated[
        str | None,
        typer.Option(
            metavar="SUITE",
            help="Instances and solvers of a suite.",
            autocompletion=completion.suite_names,
        ),
    ] = None,
    more: Annotated[
        list[str] | None,
        typer.Option(
            "--solver",
            "-s",
            metavar="NAME",
            help="Solver of both sides; if not given, the first that uses the package compared. "
            "May be repeated.",
            autocompletion=completion.solver_names,
            rich_help_panel="Solver",
        ),
    ] = None,
    tolerance: options.ToleranceOption = None,
    threads: options.ThreadsOption = None,
    seed: options.SeedOption = None,
    settings: options.SetOption = None,
    budget: Annotated[
        float,
        typer.Option(
            parser=options.seconds,
            metavar="TIME",
            help="Begin no pair of runs after this: 5min, 1h.",
        ),
    ] = BUDGET,
    least_effect: options.LeastEffectOption = LEAST_EFFECT,
    confidence: Confidence = 0.99,
    measure: Annotated[
        Literal["time", "cpu", "passes"],
        typer.Option(
            metavar="WHAT",
            help="time (wall time less waits for a processor), cpu, or passes (matrix passes).",
        ),
    ] = "time",
    control: ControlOption = True,
    time_limit: options.TimeLimitOption = DEFAULT_LIMIT,
    memory_limit: options.MemoryLimitOption = None,
    out: ResultsFile = RESULTS,
    resume: Resume = True,
    markdown: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write it for a pull request; - for the output."),
    ] = None,
    json: options.JsonOption = False,
) -> int:
    """Compare two sides on INSTANCEs: versions, commits or options.

    Each side runs in an environment of its own, built once. Runs are interleaved A B B A until
    the answer is clear or the budget is spent. Exit code 0: nowhere slower; 1: slower, or the
    answers differ, or runs died; 2: not decided, could not be compared, or bad input.
    """
    sides = parse_side(a or HERE, "--a"), parse_side(b or HERE, "--b")
    if markdown is not None and str(markdown) != "-":
        check_writable(markdown)
    given = Settings(
        options=options.solve_options(tolerance, threads, seed, settings),
        schedule=Schedule(least_effect, confidence),
        time_limit_s=time_limit,
        memory_limit_bytes=memory_limit or default_limit(),
        budget_s=budget,
        control=Control() if control else None,
        measure=measure,
        resume=resume,
    )
    if not instances and suite is None:
        raise InputError("names no instance; give one, or --suite NAME", where="ab")
    cases = _cases(instances or [], suite, options.split_solvers(None, more), sides)
    if a is None and b is None:
        raise InputError("names no side; give --a or --b, e.g. --a highspy==1.13.1", where="ab")
    comparison = _run(sides, cases, out, given)
    _show(comparison, json, markdown)
    return comparison.exit_code


def _cases(
    instances: Sequence[str], suite: str | None, solvers: list[str] | None, sides: tuple[Side, Side]
) -> list[Measurement]:
    """List what is compared: instances times solvers, and the cells of a suite."""
    cases = []
    if instances:
        chosen = choose_solvers(solvers, sides)
        cases = [Measurement(i, s) for i in instances for s in chosen]
    if suite is not None:
        cases += _of_suite(suite, solvers, sides)
    return list(dict.fromkeys(cases))


def choose_solvers(given: list[str] | None, sides: Sequence[Side]) -> list[str]:
    """Return the solvers given, or those that use what the sides compare, with a note.

    Raises
    ------
    InputError
        Where no solver follows, or the sides name solvers of their own and others are given.
    """
    own = [side.solver for side in sides if side.solver is not None]
    if len(own) == len(sides):
        if given:
            raise InputError(
                f"{', '.join(given)} would be run by no side: each names a solver of its own",
                where="--solver",
            )
        return own[:1]
    if given:
        return given
    chosen = default_solvers(sides)
    packages = packages_under_test(sides)
    others = {s: None for p in packages for s in solvers_that_use(p).direct if s not in chosen}
    if packages:
        more = f"; --solver also takes {', '.join(others)}" if others else ""
        console.note(f"compared with {', '.join(chosen)}, which uses {', '.join(packages)}{more}")
    return chosen


def _of_suite(suite: str, solvers: list[str] | None, sides: tuple[Side, Side]) -> list[Measurement]:
    plan = plan_suite(load_suite(suite), solvers)
    packages = frozenset(packages_under_test(sides))

    def matters(solver: str) -> bool:
        used = packages & set(distributions(find_solver(solver).spec))
        return solvers is not None or not packages or bool(used)

    found = [
        Measurement(entry.instance, solver)
        for entry in plan.entries
        if not entry.options
        for solver in entry.solvers
        if matters(solver)
    ]
    if not found:
        raise InputError(
            f"has no solver that needs {', '.join(sorted(packages)) or 'anything'}; "
            "name one with --solver",
            where=f"suite {suite}",
        )
    return found


def _run(
    sides: tuple[Side, Side], cases: Sequence[Measurement], out: Path, settings: Settings
) -> PairedComparison:
    made = 0
    with progress.Bar() as bar:

        def show(what: str, done: int, most: int, left_s: float) -> None:
            nonlocal made
            made = done
            bar.update(what, done, most, left_s)

        try:
            comparison = compare_sides(
                sides[0], sides[1], cases, out, settings, progress=show, load=options.load
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"interrupted: {plural(made, 'pair')} kept in {out}; the same command carries on"
            ) from None
    if comparison.repaired:
        console.note(f"{out}: {comparison.repaired}")
    if comparison.pairs_found:
        console.note(
            f"{out} held {plural(comparison.pairs_found, 'pair')} already (--fresh measures anew)"
        )
    return comparison


def _show(made: PairedComparison, json: bool, path: Path | None) -> None:
    comparison = made.comparison
    to_output = path is not None and str(path) == "-"
    if path is not None and not to_output:
        write_text(path, render.comparison_to_markdown(comparison, everything=True))
    disturbed = sum(found.disturbed for found in made.results)
    if disturbed:
        console.note(f"the machine was disturbed in {plural(disturbed, 'pair')}")
    if json:
        console.print_json(ab_document(made))
    elif to_output:
        print(render.comparison_to_markdown(comparison, everything=True))
    show(comparison, everything=True, table=not json and not to_output)
