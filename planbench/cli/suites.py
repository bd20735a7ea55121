"""``planbench suites``: the suites that ship with the package."""

from __future__ import annotations

from planbench.cli import console
from planbench.cli.options import JsonOption

EXAMPLES = ("planbench suites", "planbench bench quick")


def suites(json: JsonOption = False) -> None:
    """List the suites that bench can run.

    A suite is a TOML file saying which solvers run on which instances, up to which limits;
    bench takes your own by its path.
    """
    from planbench.bench.suite import list_suites, load_suite

    found = [load_suite(name) for name in list_suites()]
    if json:
        console.print_json({"suites": [suite.model_dump(mode="json") for suite in found]})
        return
    from planbench.cli.views import listing
    from planbench.report import words

    rows = [
        [
            suite.name,
            words.count(len(suite.instances)),
            words.count(len(suite.ladders)),
            words.seconds(suite.budget_s),
            words.seconds(suite.time_limit_s),
            suite.description,
        ]
        for suite in found
    ]
    table = listing(
        "Suites",
        [("name", "left")]
        + [(n, "right") for n in ("instances", "ladders", "budget", "limit per run")]
        + [("what it is for", "left")],
        rows,
    )
    console.out().print(table)
