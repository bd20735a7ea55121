"""Real published tables become economies in which the observed plan holds (skipped if absent)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planbench.catalogue.imports import ImportReport, import_table
from planbench.catalogue.resolve import load_instance
from planbench.certificates import certify_plan
from planbench.certificates.interior import are_interior_prices, is_safe_plan
from planbench.errors import InputError
from planbench.model import Economy

_HERE = Path(__file__).resolve().parents[2] / ".." / "shared" / "tables"
TABLES = Path(os.environ.get("PLANBENCH_TABLES") or _HERE)

#: Files, and sizes of the economy: goods, activities, resources.
PUBLISHED = {
    "us-15": (("use_15.csv", "make_15.csv"), (18, 48, 2)),
    "us-71": (("use_71.csv", "make_71.csv"), (74, 187, 2)),
    "us-2017-73": (("us-bea-2017-73.npz",), (74, 80, 1)),
    "us-2012-405": (("us-bea-2012-405.npz",), (406, 723, 2)),
    "australia-114": (("use_114_aus.csv", "make_114_aus.csv"), (115, 142, 1)),
    "wiod-1995": (("wiod-1995-1435.npz",), (1419, 1417, 41)),
}


def imported(key: str, **options: Any) -> tuple[Economy, ImportReport]:
    files = [TABLES / name for name in PUBLISHED[key][0]]
    if not all(path.is_file() for path in files):
        pytest.skip(f"{files[0].name} is not there; PLANBENCH_TABLES names its folder")
    return import_table(files, **options)


def rule(report: ImportReport, name: str) -> tuple[int, float]:
    return next(((t.count, t.amount) for t in report.rules() if t.rule == name), (0, 0.0))


@pytest.mark.parametrize("key", PUBLISHED)
@pytest.mark.parametrize("trade", ["activities", "net"])
def test_observed_plan_is_feasible_and_nothing_negative_is_left(key: str, trade: str) -> None:
    economy, report = imported(key, trade=trade)
    if trade == "activities":
        sizes = economy.n_goods, economy.n_activities, economy.n_resources
        assert sizes == PUBLISHED[key][1]
    for matrix in (economy.inputs, economy.outputs, economy.resource_use, economy.assortment):
        assert matrix.data.min() > 0
    assert (economy.fixed_demand <= 0).all()
    assert report.observed.feasible
    assert report.observed.shortfall < 1e-14
    if key != "us-2012-405":
        assert report.observed.optimal


@pytest.mark.parametrize("key", PUBLISHED)
@pytest.mark.parametrize("trade", ["activities", "net"])
def test_the_interior_has_room_everywhere(key: str, trade: str) -> None:
    """Without it answers could not be repaired, and a solver's gap would be unknown."""
    economy, _ = imported(key, trade=trade)
    inner = economy.interior
    assert inner is not None
    assert inner.activities is not None
    assert is_safe_plan(economy, inner.activities)
    made, used = economy.outputs @ inner.activities, economy.inputs @ inner.activities
    # Two goods of the world table are final uses that cancel out: nobody makes or uses them.
    idle = (made == 0) & (used == 0) & (economy.fixed_demand == 0)
    assert idle.sum() == (2 if key == "wiod-1995" else 0)
    assert (made - used > economy.fixed_demand)[~idle].all()
    assert are_interior_prices(economy, inner.goods_prices, inner.resource_prices)


@pytest.mark.parametrize("key", PUBLISHED)
def test_observed_plan_and_prices_bracket_the_optimum(key: str) -> None:
    """The checker, which knows nothing of imports, agrees with the sums of the report."""
    economy, report = imported(key)
    certificate = certify_plan(economy, report.observed.plan, polish=False)
    assert certificate.lower_bound == pytest.approx(report.observed.value, rel=1e-9)
    assert certificate.upper_bound == pytest.approx(report.observed.upper, rel=1e-9)


@pytest.mark.parametrize(("key", "shipped"), [("us-15", "us-bea-15"), ("us-71", "us-bea-71")])
def test_the_files_as_published_give_the_shipped_economy(key: str, shipped: str) -> None:
    """Recognition by names and sums finds what the shipped folder says by hand."""
    economy, report = imported(key, trade="net")
    known = load_instance(shipped)
    assert known.economy is not None
    for field in ("inputs", "outputs", "resource_use"):
        ours, theirs = getattr(economy, field), getattr(known.economy, field)
        assert abs(ours - theirs).max() < 1e-14
    np.testing.assert_allclose(
        economy.assortment.toarray(), known.economy.assortment.toarray(), atol=1e-8
    )
    np.testing.assert_allclose(economy.fixed_demand, known.economy.fixed_demand, atol=1e-8)
    assert report.observed.value == pytest.approx(known.optimum, rel=1e-14)


def test_industries_of_the_405_that_make_losses_are_named() -> None:
    """Inputs of S00201, public passenger transport, exceed its output: 26,519 of 14,733."""
    _, report = imported("us-2012-405")
    losses = {m.place: m.amount for m in report.moved if m.rule == "loss"}
    assert losses == {"S00201": -28275, "491000": -5645, "S00102": -2185}
    assert report.observed.upper == pytest.approx(report.observed.value + 36105, rel=1e-12)
    assert rule(report, "negative use") == (14, 1967)
    assert any("rows of make are industries" in line for line in report.remarks)


def test_what_is_moved_in_the_world_table() -> None:
    economy, report = imported("wiod-1995", targets="regions")
    assert rule(report, "no output") == (18, 0)
    assert rule(report, "idle product")[0] == 16
    assert economy.n_targets == 41
    assert report.observed.optimal
    count, total = rule(report, "discrepancy")
    # Its figures are whole millions, so that sums differ by rounding.
    assert total / count < 50
    lines = [line for line in economy.recipe["moved"] if line.startswith("discrepancy")]
    assert len(lines) == 501
    assert "smaller ones, together" in lines[-1]


def test_suppressed_figures_and_missing_labels_of_the_australian_table_are_told() -> None:
    _, report = imported("australia-114")
    told = "\n".join(report.remarks)
    assert "37 cells 'n.p.' read as 0" in told
    assert "rows have no labels" in told
    assert "rows are products" in told


@pytest.mark.parametrize("key", ["us-15", "us-71", "us-2017-73", "us-2012-405", "australia-114"])
def test_industry_technology_of_every_make_table(key: str) -> None:
    economy, report = imported(key, technology="industry")
    assert (np.diff(economy.outputs.indptr) == 1).all()
    assert report.observed.feasible


def test_commodity_technology_mends_its_negatives() -> None:
    economy, report = imported("australia-114", technology="commodity")
    count, total = rule(report, "negative by commodity technology")
    assert count > 100
    assert total < 0.05 * report.observed.value
    assert report.observed.feasible
    assert (np.diff(economy.outputs.indptr) == 1).all()
    with pytest.raises(InputError, match="take joint or industry"):
        imported("us-2012-405", technology="commodity")


@pytest.mark.parametrize("key", ["us-71", "us-2012-405"])
def test_a_solver_finds_what_the_report_says(key: str) -> None:
    from scipy.optimize import linprog

    from planbench.model import to_linear_program

    economy, report = imported(key)
    lp, n = to_linear_program(economy), economy.n_goods
    rows = lp.matrix.tocsr()
    answer = linprog(
        -lp.cost,
        A_ub=_stack(-rows[:n], rows[n:]),
        b_ub=np.concatenate([-lp.row_lower[:n], lp.row_upper[n:]]),
        bounds=np.column_stack([lp.col_lower, lp.col_upper]),
        method="highs-ds",
    )
    assert answer.status == 0
    observed = report.observed
    assert observed.upper is not None
    assert observed.value * (1 - 1e-7) <= -answer.fun <= observed.upper * (1 + 1e-7)


def _stack(*blocks: Any) -> Any:
    import scipy.sparse as sp

    return sp.vstack(blocks, format="csr")
