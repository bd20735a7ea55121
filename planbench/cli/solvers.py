"""``planbench solvers``: which solvers there are, which can run here, and how they are set up."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planbench.cli import completion, console
from planbench.cli.options import JsonOption

if TYPE_CHECKING:
    from planbench.solvers.base import SolverSpec

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
    from planbench.solvers.registry import broken_plugins, find_solver, list_solvers

    if name is not None:
        # cmd: takes a command where it runs; what it is can be shown without one.
        bare = [spec for spec in list_solvers() if spec.name == name.strip()]
        spec = bare[0] if bare else find_solver(name)[0]
        facts = _facts(spec)
        if json:
            console.print_json(facts)
        else:
            _show_one(spec, facts)
        return
    found = [_facts(spec) for spec in list_solvers()]
    broken = broken_plugins()
    if json:
        console.print_json(
            {
                "solvers": found,
                "broken_plugins": [
                    {"name": b.name, "package": b.package, "reason": b.reason} for b in broken
                ],
            }
        )
        return
    _show_all(found)
    for plugin in broken:
        console.note(f"plugin {plugin.name} of {plugin.package} failed: {plugin.reason}")


def _facts(spec: SolverSpec) -> dict[str, Any]:
    from planbench.solvers.base import OPTION_NAMES
    from planbench.solvers.registry import availability, why_not_here

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
    """Versions of its packages: of those here, or in its own environment once that is built."""
    from planbench.solvers.registry import why_not_here

    if available and why_not_here(spec) is not None:
        pins = dict(pin.split("==") for pin in spec.environment)
        return {package: pins.get(package) for package in spec.packages}
    return {package: _version(package) for package in spec.packages}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _versions(facts: dict[str, Any]) -> str:
    return ", ".join(f"{p} {v}" if v else f"{p} missing" for p, v in facts["versions"].items())


def _where(facts: dict[str, Any]) -> str:
    return ", in an environment of its own" if facts["environment"] else ""


def _show_all(found: list[dict[str, Any]]) -> None:
    from rich.text import Text

    from planbench.cli.views import columns_of

    table = columns_of(
        [(header, "left") for header in ("solver", "method", "exact", "here")],
    )
    table.columns[0].no_wrap = True
    for facts in found:
        here = (
            Text((_versions(facts) or "yes") + _where(facts), style="green")
            if facts["available"]
            else Text(facts["reason"], style="yellow")
        )
        name = Text(facts["name"], style="bold" if facts["available"] else "dim")
        table.add_row(name, Text(facts["method"]), "yes" if facts["exact"] else "", here)
    out = console.out()
    out.print(table)
    out.print(
        "NAME:stock runs a solver with its own defaults; cmd:'prog {mps} {sol}' runs any program. "
        "`planbench solvers NAME` shows how one is set up.",
        style="dim",
    )


def _show_one(spec: SolverSpec, facts: dict[str, Any]) -> None:
    from rich.text import Text

    from planbench.cli.views import pairs

    here = (
        Text("available" + _where(facts), style="green")
        if facts["available"]
        else Text(facts["reason"], style="yellow")
    )
    rows: list[tuple[str, str | Text]] = [
        ("solver", Text(spec.name, style="bold")),
        ("family", spec.family),
        ("method", spec.method),
        ("here", here),
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
    console.out().print(pairs(rows))
