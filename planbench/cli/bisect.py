"""``planbench bisect``: in which version of a list a solver became slower, or answers otherwise."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planbench.cli import ab, completion, console, options
from planbench.errors import InputError

if TYPE_CHECKING:
    from planbench.comparison.bisect import Found, Step
    from planbench.comparison.sides import Side

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
        str, typer.Option(metavar="TIME", help="For each two versions compared.")
    ] = "10min",
    least_effect: ab.LeastEffect = "5%",
    confidence: ab.Confidence = "0.99",
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
    from planbench.cli import progress
    from planbench.comparison.ab_judge import Case
    from planbench.comparison.bisect import bisect_versions

    sides = parse_versions(versions)
    given = ab.make_settings(
        budget=budget,
        least_effect=least_effect,
        confidence=confidence,
        measure="time",
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
                Case(instance, solver),
                out,
                given,
                measure=measure,
                progress=lambda what, done, most, left_s: bar.update(what, done, most, left_s),
                load=options.load,
                told=lambda step: console.say(_step_line(sides, step)),
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"interrupted: every pair measured is kept in {out}; the same command carries on"
            ) from None
    if json:
        console.print_json(_document(found, solver, instance, measure))
    else:
        _show(found, solver, instance, measure)
    return found.exit_code


def parse_versions(text: str) -> list[Side]:
    """Read ``highspy==1.12.0,1.13.1``, ``git:A,git:B`` or wheels.

    A bare version is of the last package.

    Raises
    ------
    InputError
        An empty item, or a bare version before any package.
    """
    from planbench.comparison.sides import parse_side, split_parts

    sides: list[Side] = []
    package = ""
    for item in split_parts(text):
        is_bare = re.fullmatch(r"\d[\w.!+]*", item)
        if is_bare and package:
            item = f"{package}=={item}"
        elif is_bare or not item:
            raise InputError(
                f"{item!r} is no version; write PACKAGE==V,V,…, git:REF,git:REF,… or wheels",
                where="--versions",
            )
        side = parse_side(item, "--versions")
        package = side.packages[0].name if side.packages else ""
        sides.append(side)
    return sides


def _step_line(sides: list[Side], step: Step) -> str:
    return f"{sides[step.version].text} against {sides[step.first].text}: {step.words}"


def sentence(found: Found, solver: str, instance: str, measure: str) -> str:
    """Say in one sentence what the search came to."""
    where = f"{measure} of {solver} on {instance}"
    first, last = found.versions[0], found.versions[-1]
    if not found.decided:
        assert found.before is not None
        assert found.after is not None
        return (
            f"{where}: not decided; a change, if there is one, lies between "
            f"{found.versions[found.before]} and {found.versions[found.after]}."
        )
    if found.before is None or found.after is None:
        return f"{where}: no change between {first} and {last}."
    return (
        f"{where}: changed in {found.versions[found.after]} "
        f"(the version before is {found.versions[found.before]})."
    )


def _show(found: Found, solver: str, instance: str, measure: str) -> None:
    from planbench.cli.views import columns_of

    table = columns_of(
        [("version", "left"), ("against", "left"), ("change", "left"), ("seen", "left")]
    )
    words = {"none": "no", "up": "more", "down": "less", "other": "differs", "unknown": "unclear"}
    for step in found.steps:
        table.add_row(
            found.versions[step.version],
            found.versions[step.first],
            words[step.change],
            step.words,
        )
    out = console.out()
    out.print(table)
    for remark in found.remarks:
        console.note(remark)
    out.print(sentence(found, solver, instance, measure), style="bold")


def _document(found: Found, solver: str, instance: str, measure: str) -> dict[str, Any]:
    def name(position: int | None) -> str | None:
        return None if position is None else found.versions[position]

    return {
        "instance": instance,
        "solver": solver,
        "measure": measure,
        "versions": list(found.versions),
        "decided": found.decided,
        "changed_in": name(found.after) if found.decided else None,
        "between": [name(found.before), name(found.after)],
        "sentence": sentence(found, solver, instance, measure),
        "remarks": list(found.remarks),
        "steps": [
            {
                "version": name(step.version),
                "against": name(step.first),
                "change": step.change,
                "ratio": step.ratio,
                "seen": step.words,
            }
            for step in found.steps
        ],
        "exit_code": found.exit_code,
    }
