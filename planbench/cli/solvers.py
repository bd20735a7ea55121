"""``planbench solvers``: which solvers there are, which can run here, and how they are set up."""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import Annotated, Any

import typer
from rich.text import Text

from planbench.cli import completion, console, views
from planbench.cli.options import JsonOption
from planbench.report.table import STYLES, Column, Entry
from planbench.solvers.base import OPTION_NAMES, SolverSpec
from planbench.solvers.registry import (
    availability,
    broken_plugins,
    find_solver,
    list_solvers,
    why_not_here,
)

EXAMPLES = ("planbench solvers", "planbench solvers highs-hipdlp", "planbench solvers --json")


def solvers(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Show this solver in full.",
            autocompletion=completion.solver_names,
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the solvers, whether they can run here, and how each is set up."""
    if name is not None:
        # cmd: takes a command where it runs; what it is can be shown without one.
        bare = [spec for spec in list_solvers() if spec.name == name.strip()]
        spec = bare[0] if bare else find_solver(name).spec
        facts = _facts(spec)
        if json:
            console.print_json(facts)
        else:
            _show_one(spec, facts)
        return
    found = [_facts(spec) for spec in list_solvers()]
    broken = broken_plugins()
    if json:
        console.print_json({"solvers": found, "broken_plugins": broken})
        return
    _show_all(found)
    for plugin in broken:
        console.note(f"plugin {plugin.name} of {plugin.package} failed: {plugin.reason}")


def _facts(spec: SolverSpec) -> dict[str, Any]:
    reason = availability(spec)
    return {
        "name": spec.name,
        "family": spec.family,
        "method": spec.method,
        "available": reason is None,
        "reason": reason,
        "exact": spec.exact,
        "versions": _versions_of(spec, reason is None),
        "supports": {s.package: {"least": s.least, "tested": s.tested} for s in spec.supports},
        "extra": spec.extra,
        "environment": list(spec.environment) if why_not_here(spec) is not None else [],
        "takes": [option for option in OPTION_NAMES if option in spec.takes],
        "phases": list(spec.phases),
        "default": spec.default,
        "stock": spec.stock or None,
        "accepts": spec.accepts,
    }


def _versions_of(spec: SolverSpec, available: bool) -> dict[str, str | None]:
    """Versions of its packages: of those here, or in its own environment once that is built.

    Some adapters state the version of a program, which their package contains, as well.
    """
    if available and why_not_here(spec) is not None:
        pins = dict(pin.split("==") for pin in spec.environment)
        return {package: pins.get(package) for package in spec.packages}
    module = importlib.import_module(spec.module) if available else None
    programs = getattr(module, "program_versions", dict)
    return {package: _version(package) for package in spec.packages} | programs()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _versions(facts: dict[str, Any]) -> str:
    return ", ".join(f"{p} {v}" if v else f"{p} missing" for p, v in facts["versions"].items())


def _here(facts: dict[str, Any], available: str) -> Entry:
    """Whether it can run here, and what is missing where it cannot."""
    if not facts["available"]:
        return Entry(facts["reason"], mark="warn")
    where = ", in an environment of its own" if facts["environment"] else ""
    return Entry(available + where, mark="good")


def _show_all(found: list[dict[str, Any]]) -> None:
    rows = [
        (
            Entry(facts["name"], mark="strong" if facts["available"] else "none"),
            facts["method"],
            "yes" if facts["exact"] else "",
            _here(facts, _versions(facts) or "yes"),
        )
        for facts in found
    ]
    columns = (
        Column("solver"),
        views.label("method"),
        Column("exact"),
        views.label("here"),
    )
    views.show([views.listing("Solvers", columns, rows)])
    console.out().print(
        "NAME:stock runs a solver with its own defaults; cmd:'prog {mps} {sol}' runs any program. "
        "`planbench solvers NAME` shows how one is set up.",
        style="dim",
    )


def _show_one(spec: SolverSpec, facts: dict[str, Any]) -> None:
    here = _here(facts, "available")
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
