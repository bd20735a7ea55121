"""``planbench instances``, ``solvers`` and ``suites``: what there is, and one of them in full."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

import planbench.formatting as fmt
from planbench.bench.plan import plan_suite, tasks
from planbench.bench.suite import Suite, list_suites, load_suite, suites_folder
from planbench.catalogue.builtin import list_builtin
from planbench.cli import console, options, views
from planbench.errors import SolverUnavailableError
from planbench.measure.machine import package_versions
from planbench.measure.memory import total_memory
from planbench.report.table import STYLES, Column, Entry
from planbench.solvers.base import OPTION_NAMES, SolverSpec
from planbench.solvers.registry import (
    availability,
    broken_plugins,
    find_solver,
    list_solvers,
    why_not_here,
)
from planbench.tables.read import why_not_at_hand


@options.command
def instances(json: options.JsonOption = False) -> None:
    """List the built-in instances.

    Every command that takes an INSTANCE also takes a file (.npz .mps .mps.gz .lp .toml), a
    folder of CSV files, or a recipe such as gen:goods=1000,inputs=10,seed=1 or
    years:us-bea-71,years=5.

    Examples
    --------
    planbench instances
    planbench instances --json
    planbench info us-bea-71
    """
    found: list[dict[str, Any]] = [
        {
            "name": instance.name,
            "goods": instance.economy.n_goods,
            "activities": instance.economy.n_activities,
            "description": instance.description,
            "optimum": instance.optimum,
            "source": instance.source,
        }
        for instance in list_builtin()
        if instance.economy is not None
    ]
    if json:
        console.print_json({"instances": found})
        return
    rows = [
        (
            Entry(facts["name"], mark="strong"),
            fmt.count(facts["goods"]),
            fmt.count(facts["activities"]),
            fmt.objective(facts["optimum"], 10),
            Entry(facts["description"], note=facts["source"]),
        )
        for facts in found
    ]
    columns = Column("instance"), "goods", "activities", "optimum", Column("what it is", "prose")
    views.show([views.listing("Instances", columns, rows)])


@options.command
def solvers(
    name: Annotated[str | None, typer.Argument(autocompletion=options.solver_names)] = None,
    json: options.JsonOption = False,
) -> None:
    """List the solvers, whether they can run here, and how each is set up.

    Parameters
    ----------
    name : NAME
        Show this solver in full.

    Examples
    --------
    planbench solvers
    planbench solvers highs-hipdlp
    planbench solvers --json
    """
    if name is not None:
        # cmd: takes a command where it runs; what it is can be shown without one.
        bare = [spec for spec in list_solvers() if spec.name == name.strip()]
        spec = bare[0] if bare else find_solver(name).spec
        facts = _solver_facts(spec)
        if json:
            console.print_json(facts)
        else:
            _show_solver(spec, facts)
        return
    found = [_solver_facts(spec) for spec in list_solvers()]
    broken = broken_plugins()
    if json:
        console.print_json({"solvers": found, "broken_plugins": broken})
        return
    rows = [
        (
            Entry(facts["name"], mark="strong" if facts["available"] else "none"),
            facts["method"],
            "yes" if facts["exact"] else "",
            _availability(facts, _versions(facts) or "yes"),
        )
        for facts in found
    ]
    columns = [Column(heading) for heading in ("solver", "method", "exact", "here")]
    views.show([views.listing("Solvers", columns, rows)])
    console.out().print(
        "NAME:stock runs a solver with its own defaults; cmd:'prog {mps} {sol}' runs any program. "
        "`planbench solvers NAME` shows how one is set up.",
        style="dim",
    )
    for plugin in broken:
        console.note(f"plugin {plugin.name} of {plugin.package} failed: {plugin.reason}")


def _solver_facts(spec: SolverSpec) -> dict[str, Any]:
    reason = availability(spec)
    elsewhere = why_not_here(spec) is not None
    versions = package_versions(spec.packages)
    if reason is None and elsewhere:  # those of its own environment, once that is built
        versions = dict(pin.split("==") for pin in spec.environment)
    # Some adapters state the version of a program, which their package contains, as well.
    module = importlib.import_module(spec.module) if reason is None else None
    programs: dict[str, str | None] = getattr(module, "program_versions", dict)()
    as_they_are = ("name", "family", "method", "exact", "extra", "phases", "default", "accepts")
    return {name: getattr(spec, name) for name in as_they_are} | {
        "available": reason is None,
        "reason": reason,
        "versions": {package: versions.get(package) for package in spec.packages} | programs,
        "supports": {s.package: {"least": s.least, "tested": s.tested} for s in spec.supports},
        "environment": list(spec.environment) if elsewhere else [],
        "takes": [option for option in OPTION_NAMES if option in spec.takes],
        "stock": spec.stock or None,
    }


def _versions(facts: dict[str, Any]) -> str:
    return ", ".join(f"{p} {v}" if v else f"{p} missing" for p, v in facts["versions"].items())


def _availability(facts: dict[str, Any], available: str) -> Entry:
    """Whether it can run here, and what is missing where it cannot."""
    if not facts["available"]:
        return Entry(facts["reason"], mark="warn")
    where = ", in an environment of its own" if facts["environment"] else ""
    return Entry(available + where, mark="good")


def _show_solver(spec: SolverSpec, facts: dict[str, Any]) -> None:
    here = _availability(facts, "available")
    rows: views.Pairs = [
        ("solver", Text(spec.name, style="bold")),
        ("family", spec.family),
        ("method", spec.method),
        ("here", Text(here.text, STYLES[here.mark])),
        ("packages", _versions(facts) or "none"),
        *(("supports", str(supported)) for supported in spec.supports),
        ("exact", "reaches a vertex to working precision" if spec.exact else "to its tolerance"),
        ("options taken", ", ".join(facts["takes"]) or "none"),
        ("is handed", "the linear program" if spec.accepts == "lp" else "the economy itself"),
        ("phases", ", ".join(spec.phases)),
        (spec.name, spec.default or "the solver's own defaults"),
    ]
    if spec.stock:
        rows.append((f"{spec.name}:stock", spec.stock))
    console.out().print(views.pairs(rows))


@options.command
def suites(
    suite: Annotated[str | None, typer.Argument(autocompletion=options.suite_names)] = None,
    json: options.JsonOption = False,
) -> None:
    """List the suites that bench can run, or show one in full.

    A suite is a TOML file saying which solvers run on which instances, up to which limits;
    bench takes your own by its path.

    Parameters
    ----------
    suite : SUITE
        Show this suite in full; a name or a .toml file.

    Examples
    --------
    planbench suites
    planbench suites accuracy
    planbench bench quick
    """
    if suite is not None:
        chosen = load_suite(suite)
        if json:
            console.print_json(_suite_document(chosen))
        else:
            shipped = suite in list_suites()
            _show_suite(chosen, suites_folder() / f"{suite}.toml" if shipped else Path(suite))
        return
    found = sorted(map(load_suite, list_suites()), key=lambda s: s.budget_s)
    if json:
        console.print_json({"suites": [_suite_document(suite) for suite in found]})
        return
    rows = [(s.name, fmt.count(_runs(s)), fmt.seconds(s.budget_s), s.description) for s in found]
    columns = Column("name"), "runs", "budget", Column("what it is for")
    views.show([views.listing("Suites", columns, rows)])
    console.out().print(
        "Runs: at most, once each, with the solvers available here; short ones are repeated while "
        "the budget lasts. `planbench suites SUITE` shows one in full.",
        style="dim",
    )


def _suite_document(suite: Suite) -> dict[str, Any]:
    return suite.model_dump(mode="json") | {"runs": _runs(suite)}


def _runs(suite: Suite) -> int:
    """Measurements, or chains of tries, of one round with the solvers available here."""
    try:
        plan = plan_suite(suite)
    except SolverUnavailableError:
        return 0
    return len(tasks(plan, suite.name, 0))


def _show_suite(suite: Suite, file: Path) -> None:
    rows: views.Pairs = [
        ("suite", Text(fmt.plain(suite.name), style="bold")),
        ("what it is for", suite.description or fmt.UNKNOWN),
        ("runs", f"{fmt.count(_runs(suite))} at most, once each, with the solvers here"),
        ("memory per run", f"{fmt.size_bytes(suite.memory_limit_bytes(total_memory()))} here"),
    ]
    for instance in suite.optional_instances:
        rows.append(("optional", why_not_at_hand(instance) or f"{instance}: at hand"))
    lines = file.read_text(encoding="utf-8").splitlines()
    said = ("".join(c if c.isprintable() else "\ufffd" for c in line) for line in lines)
    views.show([views.pairs(rows), Text("\n".join(said))])
