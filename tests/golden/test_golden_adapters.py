"""Every exact solver reproduces every case whose optimum is known, to 1e-6.

Each adapter runs in a process of its own: some solver packages cannot share one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planbench.catalogue.builtin import list_builtin
from planbench.catalogue.resolve import load_instance
from planbench.certificates import certify_plan
from planbench.model import plan_from_lp
from planbench.solvers.registry import list_solvers

# leontief-1000 is an oracle for large methods, slow for some exact ones.
CASES = [i.name for i in list_builtin() if i.optimum is not None and i.economy.n_goods <= 200]
EXACT = [spec.name for spec in list_solvers() if spec.exact]

_DRIVER = """
import json, sys
from planbench.catalogue.resolve import load_instance
from planbench.solvers.base import SolveOptions
from planbench.solvers.registry import availability, find_solver, load_adapter

spec = find_solver(sys.argv[1]).spec
reason = availability(spec)
if reason is not None:
    answers = {"unavailable": reason}
else:
    solve = load_adapter(spec)
    answers = {}
    for name in sys.argv[3:]:
        instance = load_instance(name)
        problem = instance.economy if spec.accepts == "economy" else instance.lp
        answer = solve(problem, spec, SolveOptions())
        answers[name] = {
            "claim": answer.claim,
            "objective": answer.objective,
            "x": None if answer.x is None else answer.x.tolist(),
            "y": None if answer.y is None else answer.y.tolist(),
        }
with open(sys.argv[2], "w") as file:
    json.dump(answers, file)
"""


@cache
def answers_of(solver: str, folder: str) -> dict[str, Any]:
    path = f"{folder}/{solver}.json"
    run = subprocess.run(
        [sys.executable, "-c", _DRIVER, solver, path, *CASES],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    answers: dict[str, Any] = json.loads(Path(path).read_text())
    return answers


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("answers"))


def test_there_are_exact_solvers_and_cases() -> None:
    """An empty list would pass everything below without running anything."""
    assert {"highs-ds", "scipy-highs-ds"} <= set(EXACT)
    assert len(CASES) >= 8


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("solver", EXACT)
def test_exact_solver_reproduces_the_optimum(solver: str, case: str, folder: str) -> None:
    answers = answers_of(solver, folder)
    if "unavailable" in answers:
        pytest.skip(answers["unavailable"])
    answer, instance = answers[case], load_instance(case)
    assert answer["claim"] == "optimal"
    assert answer["objective"] == pytest.approx(instance.optimum, rel=1e-6)
    x = np.array(answer["x"])
    assert instance.lp.objective(x) == pytest.approx(instance.optimum, rel=1e-6)
    # The plan and the prices themselves, judged by the certificate: signs and all.
    economy = instance.economy
    assert economy is not None
    plan = plan_from_lp(economy, x, np.array(answer["y"]))
    assert plan is not None
    certificate = certify_plan(economy, plan)
    assert certificate.lower_bound == pytest.approx(instance.optimum, rel=1e-6)
    assert certificate.upper_bound == pytest.approx(instance.optimum, rel=1e-6)


@pytest.mark.parametrize("solver", EXACT)
def test_five_year_plan_by_year(solver: str, folder: str) -> None:
    """The fulfilment of each year is unique and published."""
    answers = answers_of(solver, folder)
    if "unavailable" in answers:
        pytest.skip(answers["unavailable"])
    economy = load_instance("cockshott-five-year").economy
    assert economy is not None
    z = answers["cockshott-five-year"]["x"][economy.n_activities :]
    np.testing.assert_allclose(z, [0.159221, 1.75043, 1.75259, 1.71516, 1.95906], atol=1e-5)


@pytest.mark.parametrize("name", ["us-bea-15", "us-bea-71"])
def test_observed_plan_and_prices_close_the_bracket(name: str) -> None:
    """The certificate itself, handed what statisticians observed and no solver computed."""
    from planbench.catalogue.table_folder import economy_of_table, read_table, tables_folder

    economy, observed = economy_of_table(read_table(tables_folder() / name))
    certificate = certify_plan(economy, observed.plan)
    assert certificate.verdict == "certified"
    assert certificate.raw_gap is not None
    assert certificate.raw_gap < 1e-9
    assert certificate.lower_bound is not None
    assert certificate.upper_bound is not None
    optimum = load_instance(name).optimum
    assert optimum is not None
    assert certificate.lower_bound <= optimum * (1 + 1e-12)
    assert certificate.upper_bound >= optimum * (1 - 1e-12)
