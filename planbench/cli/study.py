"""``planbench study``: re-planning after a shock, and plans made from wrong data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

import planbench.formatting as fmt
from planbench.bench.request import Conditions
from planbench.catalogue.instance import Instance
from planbench.cli import console, options, views
from planbench.debate.studies import (
    bad_data,
    check_replanners,
    noise_losses,
    replan,
    replanned,
)
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.measure.memory import default_limit
from planbench.records.schema import Record
from planbench.records.store import RecordStore
from planbench.report.results import TARGET_GAP
from planbench.report.table import Column
from planbench.solvers.registry import available_solvers

RESULTS = Path("results") / "study.jsonl"
#: Planner and general solver that can start from an old plan; plans from bad data.
SOLVERS = {"replan": ("two-level", "highs-ds"), "bad-data": ("highs-ipm",)}
#: Read by the parsers of their options.
LIMIT: Any = "120s"
LEFT: Any = "80%"
NOISE: Any = "1%,3%,10%,30%"


def _noises(text: str) -> list[float]:
    return [options.spread(part) for part in text.split(",") if part.strip()]


@dataclass(frozen=True)
class Change:
    """What changes after a plan is made, or is wrong while it is made.

    Attributes
    ----------
    left : SHARE
        replan: what is left of the resource.
    resource : N
        replan: number of the resource, from 1; the scarcest.
    noise : A,B,…
        bad-data: how far coefficients are off.
    """

    left: Annotated[float, typer.Option(parser=options.share)] = LEFT
    resource: Annotated[int | None, typer.Option(min=1)] = None
    noise: Annotated[Any, typer.Option(parser=_noises)] = NOISE


@options.command
def study(
    kind: Literal["replan", "bad-data"],
    instances: options.InstancesArgument,
    given: options.Solvers,
    change: Change,
    *,
    repeats: Annotated[int, typer.Option(min=1, max=1000)] = 3,
    time_limit: options.TimeLimitOption = LIMIT,
    out: Path = RESULTS,
    json: options.JsonOption = False,
) -> int:
    """Ask what a plan is worth after a shock, or when it was made from wrong data.

    replan: plans each economy, cuts its scarcest resource, and plans again to a certified gap
    of 1e-6, from the old plan (warm) and from nothing (cold), in turn.

    bad-data: multiplies every input and resource coefficient by lognormal errors of this spread,
    plans with them, carries the plan out in the true economy, and certifies what is lost.

    Exit code 0; 2: bad input, or nothing could be compared.

    Parameters
    ----------
    kind : WHAT
        replan or bad-data.
    repeats : N
        Runs of each, or seeds of each noise.
    out : FILE
        Results file; rows are appended.

    Examples
    --------
    planbench study replan gen:goods=10000,techniques=2,resources=5,seed=1
    planbench study replan us-bea-71 --solvers highs-ds,primal-dual --left 50%
    planbench study bad-data gen:goods=1000,techniques=2,resources=5,seed=1 --noise 1%,10%
    planbench report results/standard.jsonl results/study.jsonl --merge
    """
    names = given.names or list(SOLVERS[kind])
    if kind == "replan":
        check_replanners(names)
        number = None if change.resource is None else change.resource - 1

        def measure(found: Instance) -> Iterator[Record]:
            return replan(
                found,
                names,
                left=change.left,
                resource=number,
                repeats=repeats,
                progress=console.say,
            )

    else:
        conditions = Conditions(time_limit, default_limit(), polish=False)
        names = available_solvers(names)

        def measure(found: Instance) -> Iterator[Record]:
            for name in names:
                yield from bad_data(
                    found,
                    name,
                    noises=change.noise,
                    seeds=range(1, repeats + 1),
                    conditions=conditions,
                    progress=console.say,
                )

    rows: list[Record] = []
    # Whether the file can be written is known before anything is measured.
    with RecordStore(out) as store:
        try:
            for spec in instances:
                for row in measure(options.load(spec)):
                    # As it is made: what comes after may be interrupted, or fail.
                    rows.append(row)
                    store.append(row)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"interrupted: {plural(len(rows), 'measurement')} kept in {out}; "
                "the same command measures all of them again"
            ) from None
    if json:
        console.print_json({"results": str(out), "rows": [views.row_document(row) for row in rows]})
    else:
        _show(rows)
        console.say(
            f"{plural(len(rows), 'measurement')} in {out}; `planbench report --merge` shows them"
        )
    if all(row.ended != "ok" for row in rows):
        raise InputError(f"nothing to compare: {rows[0].message}", where=rows[0].solver)
    return 0


def _show(rows: Sequence[Record]) -> None:
    pairs = replanned(rows, TARGET_GAP)
    # A table for each instance: names of instances are long, and would leave no room for figures.
    for instance in dict.fromkeys(p.instance for p in pairs):
        columns = Column("solver"), "from nothing", "from old plan", "faster", "counted"
        table = [
            [
                p.solver,
                fmt.seconds(p.cold),
                fmt.seconds(p.warm),
                fmt.times(p.saving),
                ", ".join(f"{kind} {cold:,} → {warm:,}" for kind, cold, warm in p.counts),
            ]
            for p in pairs
            if p.instance == instance
        ]
        views.show([views.listing(f"Planning again after a shock: {instance}", columns, table)])
    losses = noise_losses(rows)
    for instance in dict.fromkeys(x.instance for x in losses):
        heads = ("coefficients\noff by", "plans", "lost,\nlevels", "lost,\ntechniques")
        table = [
            [
                x.solver,
                f"{100 * x.noise:g} %",
                str(x.plans),
                fmt.percent(x.levels),
                fmt.percent(x.techniques),
            ]
            for x in losses
            if x.instance == instance
        ]
        title = f"Value lost by planning from wrong data (medians): {instance}"
        views.show([views.listing(title, [Column("solver"), *heads], table)])
    if losses:
        console.out().print(
            "Levels: every activity runs as planned, the plan cut until nothing is short. "
            "Techniques: goods are made by the techniques planned, as much as is needed.",
            style="dim",
        )
    for row in rows:
        if row.ended != "ok":
            console.note(f"{row.solver} on {row.instance.name}: {row.ended}: {row.message}")
