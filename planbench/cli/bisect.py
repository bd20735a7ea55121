"""``planbench bisect``: in which version of a list a solver became slower, or answers otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planbench.cli import ab, completion, console, options, progress
from planbench.comparison.bisect import BisectResult, Probe, bisect_versions
from planbench.comparison.paired import Measurement
from planbench.comparison.render import bisect_document, bisect_sentence, bisect_table
from planbench.comparison.sides import Side, parse_versions
from planbench.errors import InputError

EXAMPLES = (
    "planbench bisect model.mps --versions highspy==1.12.0,1.13.1,1.14.0,1.15.1",
    "planbench bisect model.mps --measure iterations --versions highspy==1.12.0,1.15.1",
    "planbench bisect us-bea-71 -s two-level --versions git:v0.1,git:HEAD~10,git:HEAD",
)
RESULTS = Path("results/bisect.jsonl")


def bisect(
    instance: options.InstanceArgument,
    versions: Annotated[
        str,
        typer.Option(
            metavar="A,B,…",
            help="Versions, oldest first: PACKAGE==V,V,… or git:REF,git:REF,…",
            show_default=False,
        ),
    ],
    solver: Annotated[
        str | None,
        typer.Option(
            "--solver",
            "-s",
            metavar="NAME",
            help="If not given, the first that uses the package searched.",
            autocompletion=completion.solver_names,
            show_default=False,
        ),
    ] = None,
    measure: Annotated[
        str,
        typer.Option(metavar="WHAT", help="time, cpu, passes, iterations or objective."),
    ] = "time",
    tolerance: options.ToleranceOption = None,
    threads: options.ThreadsOption = None,
    seed: options.SeedOption = None,
    settings: options.SetOption = None,
    budget: Annotated[
        float,
        typer.Option(
            parser=options.seconds, metavar="TIME", help="For each two versions compared."
        ),
    ] = ab.BUDGET,
    least_effect: ab.LeastEffect = ab.LEAST_EFFECT,
    confidence: ab.Confidence = 0.99,
    control: ab.ControlOption = True,
    time_limit: options.TimeLimitOption = ab.DEFAULT_LIMIT,
    memory_limit: options.MemoryLimitOption = None,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Results file; every run is a row of it.")
    ] = RESULTS,
    resume: Annotated[
        bool,
        typer.Option("--resume/--fresh", help="Count pairs in the results file, or start anew."),
    ] = True,
    json: options.JsonOption = False,
) -> int:
    """Find the version of a list in which the cost or the answer of a solver changed.

    The ends are compared first, then a binary search compares versions with the first one. Exit
    code 0: no change between the ends; 1: found; 2: not decided, or bad input.
    """
    sides = parse_versions(versions, "--versions")
    given = ab.make_settings(
        budget=budget,
        least_effect=least_effect,
        confidence=confidence,
        control=control,
        time_limit=time_limit,
        memory_limit=memory_limit,
        resume=resume,
        asked=options.solve_options(
            tolerance=tolerance, threads=threads, seed=seed, settings=settings
        ),
    )
    if out.is_dir():
        raise InputError("is a folder; give a file name", where=str(out))
    chosen = ab.choose_solvers([solver] if solver else None, sides)
    if len(chosen) > 1:
        raise InputError(
            f"{', '.join(chosen)} use what is searched; name one with --solver", where="bisect"
        )
    solver = chosen[0]
    with progress.Bar() as bar:
        try:
            found = bisect_versions(
                sides,
                Measurement(instance, solver),
                out,
                given,
                measure=measure,
                progress=lambda what, done, most, left_s: bar.update(what, done, most, left_s),
                load=options.load,
                report=lambda step: console.say(_step_line(sides, step)),
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"interrupted: every pair measured is kept in {out}; the same command carries on"
            ) from None
    if json:
        console.print_json(bisect_document(found, solver, instance, measure))
    else:
        _show(found, solver, instance, measure)
    return found.exit_code


def _step_line(sides: list[Side], step: Probe) -> str:
    return f"{sides[step.version].text} against {sides[step.first].text}: {step.words}"


def _show(found: BisectResult, solver: str, instance: str, measure: str) -> None:
    console.print_tables([bisect_table(found)])
    for remark in found.remarks:
        console.note(remark)
    console.out().print(bisect_sentence(found, solver, instance, measure), style="bold")
