"""``planbench bisect``: in which version of a list a solver became slower, or answers otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from planbench.cli import ab, completion, console, options, progress
from planbench.comparison.ab import Control, Settings
from planbench.comparison.bisect import (
    bisect_document,
    bisect_sentence,
    bisect_table,
    bisect_versions,
)
from planbench.comparison.paired import Measurement
from planbench.comparison.sides import parse_versions
from planbench.errors import InputError
from planbench.measure.memory import default_limit
from planbench.stats.paired import Schedule

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
        Literal["time", "cpu", "passes", "iterations", "objective"],
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
    least_effect: options.LeastEffectOption = ab.LEAST_EFFECT,
    confidence: ab.Confidence = 0.99,
    control: ab.ControlOption = True,
    time_limit: options.TimeLimitOption = ab.DEFAULT_LIMIT,
    memory_limit: options.MemoryLimitOption = None,
    out: ab.ResultsFile = RESULTS,
    resume: ab.Resume = True,
    json: options.JsonOption = False,
) -> int:
    """Find the version of a list in which the cost or the answer of a solver changed.

    The ends are compared first, then a binary search compares versions with the first one. Exit
    code 0: no change between the ends; 1: found; 2: not decided, or bad input.
    """
    sides = parse_versions(versions, "--versions")
    given = Settings(
        options=options.solve_options(tolerance, threads, seed, settings),
        schedule=Schedule(least_effect, confidence),
        time_limit_s=time_limit,
        memory_limit_bytes=memory_limit or default_limit(),
        budget_s=budget,
        control=Control() if control else None,
        resume=resume,
    )
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
                progress=bar.update,
                load=options.load,
                report=lambda step: console.say(
                    f"{sides[step.version].text} against {sides[step.first].text}: {step.words}"
                ),
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"interrupted: every pair measured is kept in {out}; the same command carries on"
            ) from None
    if json:
        console.print_json(bisect_document(found, solver, instance, measure))
    else:
        console.print_tables([bisect_table(found)])
        for remark in found.remarks:
            console.note(remark)
        console.out().print(bisect_sentence(found, solver, instance, measure), style="bold")
    return found.exit_code
