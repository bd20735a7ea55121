"""``planbench compare``: several solvers on the same instances, findings in red."""

from __future__ import annotations

from planbench.bench.request import Conditions
from planbench.bench.single import options_by_solver, run_grid
from planbench.catalogue.instance import Instance
from planbench.cli import console, options, progress, views
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.records.schema import Record
from planbench.report.instances import instance_tables
from planbench.solvers.registry import available_solvers


@options.command
def compare(
    instances: options.InstancesArgument,
    given: options.Solvers,
    common: options.CommonOptions,
    limits: options.Limits,
    repeats: options.RepeatsOption = 1,
    polish: options.PolishOption = True,
    relax: options.RelaxOption = False,
    json: options.JsonOption = False,
) -> int:
    """Run several solvers on INSTANCEs and show how they did.

    Without --solvers every solver available here takes part. Every run has a process of its
    own, in an order that is shuffled anew for each repeat. All
    certificates of an instance together bound its optimum; who claims otherwise is a finding.
    Exit code 0: nothing found; 1: a wrong answer, a disagreement or a crash; 2: bad input, or
    no solver came to an end.

    Examples
    --------
    planbench compare us-bea-71 --solvers all
    planbench compare model.mps.gz --solvers highs-ds,highs-ds:stock,glop
    planbench compare gen:goods=2000,seed=1 --solvers highs-ipm --solver cmd:'prog {mps} {sol}'
    """
    conditions = Conditions(limits.time_limit, limits.memory, polish)
    solvers, lacks = options_by_solver(available_solvers(given.names), common.solve_options())
    for name, lacking in lacks.items():
        console.note(f"{name} has no option {', '.join(lacking)}; it runs without (n/a)")
    found: dict[str, Instance] = {}
    for spec in instances:
        instance = options.load(spec, relax)
        found.setdefault(instance.sha256, instance)  # two names of one instance are one
    total = len(found) * len(solvers) * repeats
    records: list[Record] = []
    interrupted = False
    try:
        with progress.Bar(total) as bar:
            for record in run_grid(
                list(found.values()),
                solvers,
                conditions,
                repeats=repeats,
                progress=lambda solver, on, at: bar.update(
                    f"{solver} on {on}: {at}", len(records), total, None
                ),
            ):
                records.append(record)
                bar.record(record, len(records), total)
    except KeyboardInterrupt:
        if not records:
            raise KeyboardInterrupt("interrupted before the first run ended") from None
        interrupted = True
    if json:
        console.print_json(views.run_document(records))
    else:
        views.show(instance_tables(records))
    if interrupted:
        raise KeyboardInterrupt(
            f"interrupted: {plural(len(records), 'run')} of {total} shown, none kept; "
            "`planbench bench` keeps them in a file and carries on"
        )
    if views.announce(records):
        return 1
    if not any(record.ended == "ok" for record in records):
        raise InputError("nothing to compare: no solver came to an end; raise --time-limit")
    return 0
