"""``planbench ab`` and ``bisect``: which of two sides is slower, which version changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from planbench.bench.plan import plan_suite
from planbench.bench.suite import load_suite
from planbench.cli import console, options, progress, views
from planbench.comparison.ab import (
    CONTROL,
    PairedComparison,
    Settings,
    ab_document,
    compare_sides,
)
from planbench.comparison.bisect import bisect_versions
from planbench.comparison.findings import comparison_to_markdown
from planbench.comparison.paired import Measurement
from planbench.comparison.sides import (
    HERE,
    Side,
    default_solvers,
    packages_under_test,
    parse_side,
    parse_versions,
)
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.files import check_writable, write_text
from planbench.solvers.registry import distributions, find_solver, solvers_that_use
from planbench.stats.paired import Schedule

#: Read by the parsers of their options.
_BUDGET: Any = "10min"
_LEAST_EFFECT: Any = "5%"
_ResultsFile = Annotated[
    Path,
    typer.Option(dir_okay=False, metavar="FILE", help="Results file; every run is a row of it."),
]


@dataclass(frozen=True)
class Runs:
    """How sides are compared: when there is a verdict, and what is run and kept.

    Attributes
    ----------
    budget : TIME
        Begin no pair of runs after this: 5min, 1h.
    confidence : P
        That no verdict is wrong, over all instances.
    control : flag
        Run something unchanged with each run, see docs/ab.md.
    resume : flag
        Count pairs in the results file, or start anew.
    """

    budget: Annotated[float, typer.Option(parser=options.seconds)] = _BUDGET
    least_effect: options.LeastEffectOption = _LEAST_EFFECT
    confidence: Annotated[float, typer.Option(parser=options.between(0.5, 1.0))] = 0.99
    control: Annotated[bool, typer.Option("--control/--no-control")] = True
    out: _ResultsFile = Path("results/ab.jsonl")
    resume: Annotated[bool, typer.Option("--resume/--fresh")] = True

    def settings(
        self, asked: options.SolverOptions, limits: options.Limits, measure: str = "time"
    ) -> Settings:
        """Return them as a comparison takes them."""
        return Settings(
            options=asked.solve_options(),
            schedule=Schedule(self.least_effect, self.confidence),
            measure=measure,
            time_limit_s=limits.time_limit,
            memory_limit_bytes=limits.memory,
            budget_s=self.budget,
            control=CONTROL if self.control else None,
            resume=self.resume,
        )


@dataclass(frozen=True)
class Sides:
    """What is compared.

    Attributes
    ----------
    a : SIDE
        Baseline: PACKAGE==VERSION or what else pip takes, a wheel or folder, git:REF, OPTION=VALUE,
        or here; several with commas. here, if only --b is given.
    b : SIDE
        Candidate; here, if only --a is given.
    suite : SUITE
        Instances and solvers of a suite.
    solvers : NAME
        Solver of both sides; if not given, the first that uses the package compared. May be
        repeated.
    """

    a: Annotated[str | None, typer.Option("--a", rich_help_panel="Sides")] = None
    b: Annotated[str | None, typer.Option("--b", rich_help_panel="Sides")] = None
    suite: Annotated[str | None, typer.Option(autocompletion=options.suite_names)] = None
    solvers: Annotated[
        list[str] | None,
        typer.Option(
            "--solver", "-s", autocompletion=options.solver_names, rich_help_panel="Solver"
        ),
    ] = None


@options.command
def ab(
    instances: Annotated[
        list[str] | None, typer.Argument(autocompletion=options.instance_names)
    ] = None,
    *,
    compared: Sides,
    asked: options.SolverOptions,
    measure: Literal["time", "cpu", "passes"] = "time",
    runs: Runs,
    limits: options.Limits,
    markdown: Path | None = None,
    json: options.JsonOption = False,
) -> int:
    """Compare two sides on INSTANCEs: versions, commits or options.

    Each side runs in an environment of its own, built once. Runs are interleaved A B B A until
    the answer is clear or the budget is spent. Exit code 0: nowhere slower; 1: slower, or the
    answers differ, or runs died; 2: not decided, could not be compared, or bad input.

    Parameters
    ----------
    instances : INSTANCE
        Built-in names, files or gen:goods=…
    measure : WHAT
        time (wall time less waits for a processor), cpu, or passes (matrix passes).
    markdown : FILE
        Also write it for a pull request; - for the output.

    Examples
    --------
    planbench ab --a highspy==1.13.1 --b highspy==1.15.1 model.mps
    planbench ab --a highspy==1.14.0 us-bea-71 gen:goods=1000,seed=1 -s highs-ds -s highs-ipm
    planbench ab --a presolve=on --b presolve=off us-bea-71 --least-effect 10%
    planbench ab --a highspy==1.15.1 --b ./highspy-1.16.0-cp312-cp312-linux_x86_64.whl model.mps
    planbench ab --a git:HEAD~1 --b here --suite smoke --markdown comment.md
    """
    sides = parse_side(compared.a or HERE, "--a"), parse_side(compared.b or HERE, "--b")
    if markdown is not None and str(markdown) != "-":
        check_writable(markdown)
    settings = runs.settings(asked, limits, measure)
    if not instances and compared.suite is None:
        raise InputError("names no instance; give one, or --suite NAME", where="ab")
    cases = _cases(
        instances or [], compared.suite, options.Solvers(None, compared.solvers).names, sides
    )
    if compared.a is None and compared.b is None:
        raise InputError("names no side; give --a or --b, e.g. --a highspy==1.13.1", where="ab")
    made = _run(sides, cases, runs.out, settings)
    _show(made, json, markdown)
    return made.comparison.exit_code


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
    with progress.Bar() as bar:
        try:
            made = compare_sides(
                *sides, cases, out, settings, progress=bar.update, load=options.load
            )
        except KeyboardInterrupt:
            kept = plural(bar.done, "pair")
            raise KeyboardInterrupt(
                f"interrupted: {kept} kept in {out}; the same command carries on"
            ) from None
    if made.repaired:
        console.note(f"{out}: {made.repaired}")
    if made.pairs_found:
        found = plural(made.pairs_found, "pair")
        console.note(f"{out} held {found} already (--fresh measures anew)")
    return made


def _show(made: PairedComparison, json: bool, path: Path | None) -> None:
    comparison = made.comparison
    to_output = str(path) == "-"
    if path is not None and not to_output:
        write_text(path, comparison_to_markdown(comparison, everything=True))
    disturbed = sum(found.disturbed for found in made.results)
    if disturbed:
        console.note(f"the machine was disturbed in {plural(disturbed, 'pair')}")
    if json:
        console.print_json(ab_document(made))
    elif to_output:
        print(comparison_to_markdown(comparison, everything=True))
    views.show_comparison(comparison, everything=True, table=not json and not to_output)


@dataclass(frozen=True)
class BisectRuns(Runs):
    """The same for ``bisect``, with a results file of its own.

    Attributes
    ----------
    budget : TIME
        For each two versions compared: begin no pair of runs after this.
    """

    budget: Annotated[float, typer.Option(parser=options.seconds)] = _BUDGET
    out: _ResultsFile = Path("results/bisect.jsonl")


@options.command
def bisect(
    instance: options.InstanceArgument,
    versions: Annotated[str, typer.Option()],
    solver: Annotated[
        str | None, typer.Option("--solver", "-s", autocompletion=options.solver_names)
    ] = None,
    measure: Literal["time", "cpu", "passes", "iterations", "objective"] = "time",
    *,
    asked: options.SolverOptions,
    runs: BisectRuns,
    limits: options.Limits,
    json: options.JsonOption = False,
) -> int:
    """Find the version of a list in which the cost or the answer of a solver changed.

    The ends are compared first, then a binary search compares versions with the first one. Exit
    code 0: no change between the ends; 1: found; 2: not decided, or bad input.

    Parameters
    ----------
    versions : A,B,…
        Versions, oldest first: PACKAGE==V,V,… or git:REF,git:REF,…
    solver : NAME
        If not given, the first that uses the package searched.
    measure : WHAT
        time, cpu, passes, iterations or objective.

    Examples
    --------
    planbench bisect model.mps --versions highspy==1.12.0,1.13.1,1.14.0,1.15.1
    planbench bisect model.mps --measure iterations --versions highspy==1.12.0,1.15.1
    planbench bisect us-bea-71 -s two-level --versions git:v0.1,git:HEAD~10,git:HEAD
    """
    sides = parse_versions(versions, "--versions")
    settings = runs.settings(asked, limits)
    chosen = choose_solvers([solver] if solver else None, sides)
    if len(chosen) > 1:
        raise InputError(
            f"{', '.join(chosen)} use what is searched; name one with --solver", where="bisect"
        )
    case = Measurement(instance, chosen[0])
    with progress.Bar() as bar:
        try:
            found = bisect_versions(
                sides,
                case,
                runs.out,
                settings,
                measure=measure,
                progress=bar.update,
                load=options.load,
                report=lambda step: console.say(
                    f"{step.version} against {step.against}: {step.seen}"
                ),
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"interrupted: every pair measured is kept in {runs.out}; the same command carries "
                "on"
            ) from None
    sentence = f"{measure} of {case.solver} on {case.instance}: {found.sentence}"
    if json:
        about = {"instance": case.instance, "solver": case.solver, "measure": measure}
        console.print_json(about | {"sentence": sentence} | found.document())
    else:
        views.show([found.table()])
        for remark in found.remarks:
            console.note(remark)
        console.out().print(sentence, style="bold")
    return found.exit_code
