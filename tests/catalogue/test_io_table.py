"""Real tables: what is published comes out, and the observed plan and prices are optimal."""

from __future__ import annotations

import csv
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog
from support.full import examples

from planbench.catalogue.resolve import load_instance
from planbench.catalogue.table_folder import (
    TableFolder,
    economy_of_table,
    read_table,
    table_names,
    tables_folder,
)
from planbench.errors import InputError
from planbench.model import Economy, to_linear_program
from planbench.model.plan import Plan
from planbench.tables.flows import Flows, flows_of

TABLES = ("us-bea-15", "us-bea-71")


def convert(use: Path, make: Path, folder: Path) -> None:
    """Run the script that stands with the tables it wrote."""
    spec = importlib.util.spec_from_file_location("convert", tables_folder() / "convert_bea.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.convert(use, make, folder)


def published(name: str, row: str) -> np.ndarray:
    """Read a row of the committed value_added.csv."""
    with (tables_folder() / name / "value_added.csv").open(newline="") as file:
        lines = {line[0]: line[1:] for line in csv.reader(file)}
    return np.array([float(cell or 0) for cell in lines[row]])


def flows_of_table(folder: TableFolder) -> Flows:
    return flows_of(folder.table, folder.settings)


def observed_plan(name: str) -> Plan:
    return economy_of_table(read_table(tables_folder() / name))[1].plan


def built(name: str) -> Economy:
    economy = load_instance(name).economy
    assert economy is not None
    return economy


def test_both_tables_ship() -> None:
    assert table_names() == TABLES


@pytest.mark.parametrize("name", TABLES)
def test_nothing_negative_is_left(name: str) -> None:
    economy = built(name)
    for matrix in (economy.inputs, economy.outputs, economy.resource_use, economy.assortment):
        assert matrix.data.min() > 0
    assert (economy.fixed_demand <= 0).all()


@pytest.mark.parametrize("name", TABLES)
def test_observed_plan_and_prices_close_the_bracket_by_hand(name: str) -> None:
    """Feasible plan, feasible prices, equal values: no solver is asked."""
    economy, plan = built(name), observed_plan(name)
    assert plan.p is not None
    assert plan.w is not None
    net = economy.outputs - economy.inputs
    balance = net @ plan.x - economy.assortment @ plan.z - economy.fixed_demand
    assert np.abs(balance).max() < 1e-8  # of millions of dollars
    np.testing.assert_allclose(economy.resource_use @ plan.x, economy.endowment, rtol=1e-14)
    np.testing.assert_allclose(net.T @ plan.p, economy.resource_use.T @ plan.w, atol=1e-14)
    np.testing.assert_allclose(economy.assortment.T @ plan.p, economy.weights, rtol=1e-14)
    assert (plan.p == 1).all()
    assert (plan.w == 1).all()
    lower = float(economy.weights @ plan.z)
    upper = float(plan.w @ economy.endowment - plan.p @ economy.fixed_demand)
    assert upper == pytest.approx(lower, rel=1e-13)
    assert load_instance(name).optimum == lower


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("method", ["highs-ds", "highs-ipm"])
def test_solving_gives_the_observed_levels(name: str, method: str) -> None:
    """The plan is z = 1 and the industries' observed outputs, as published to rounding."""
    economy = built(name)
    program = to_linear_program(economy)
    n = economy.n_goods
    matrix = program.matrix.tocsr()
    matrix[:n] *= -1
    answer = linprog(
        -program.cost,
        A_ub=matrix,
        b_ub=np.concatenate([-program.row_lower[:n], program.row_upper[n:]]),
        method=method,
    )
    assert answer.status == 0
    assert answer.x[-1] == pytest.approx(1.0, rel=1e-9)
    np.testing.assert_allclose(answer.x[:-1], observed_plan(name).x, rtol=1e-8)
    outputs = published(name, "Total industry output (basic prices)")
    np.testing.assert_allclose(answer.x[:-1], outputs, atol=2.5)  # rounding of the source


@pytest.mark.parametrize("name", TABLES)
def test_labour_and_capital_are_the_published_value_added(name: str) -> None:
    """Capital is published surplus and net taxes, and the product taxes on what is used."""
    folder = read_table(tables_folder() / name)
    table, basic = folder.table, flows_of_table(folder)
    np.testing.assert_array_equal(basic.labour, published(name, "Compensation of employees"))
    rest = (
        published(name, "Gross operating surplus")
        + published(name, "Other taxes on production")
        - published(name, "Less: Other subsidies on production")
    )
    assert table.make is not None
    assert basic.labour is not None
    used = (basic.inputs - basic.outputs).sum(axis=0) + table.make.sum(axis=0)
    product_taxes = table.use.sum(axis=0) - used
    np.testing.assert_allclose(basic.other, rest + product_taxes, atol=10)  # rounded source
    assert product_taxes.sum() > 0
    np.testing.assert_allclose(
        built(name).endowment, [basic.labour.sum(), basic.other.sum()], rtol=1e-14
    )


@pytest.mark.parametrize("name", TABLES)
def test_final_use_at_basic_prices_agrees_with_the_balance(name: str) -> None:
    """Net final use is a residual; converted from the published final uses it must agree."""
    folder = read_table(tables_folder() / name)
    table, basic = folder.table, flows_of_table(folder)
    assert table.make is not None
    supply = table.make.sum(axis=1) + table.imports
    bought = table.use.sum(axis=1) + table.final_use.sum(axis=1)
    carrier = np.zeros(len(supply), dtype=bool)
    carrier[[table.products.index(name) for name in folder.settings.margins]] = True
    carrier &= bought < supply
    kept = np.where(carrier, 1.0, supply / np.where(carrier, 1.0, bought))
    final = table.final_use.sum(axis=1)
    expected = kept * final - table.imports
    # Carriers deliver, besides, the margins inside final purchases.
    paid = np.maximum(bought - supply, 0.0)[~carrier].sum()
    margin = (supply - bought)[carrier]
    inside = (np.maximum(1 - kept, 0.0) * final).sum() * margin.sum() / paid
    expected[carrier] += inside * margin / margin.sum()
    np.testing.assert_allclose(basic.net_final_use, expected, atol=1e-6 * supply.max())


@pytest.mark.parametrize("name", TABLES)
def test_everything_moved_is_listed(name: str) -> None:
    """Each negative cell of the source and each net import has its line."""
    table = read_table(tables_folder() / name).table
    assert table.make is not None
    recipe = built(name).recipe
    moved = recipe["moved"]
    rules = ("negative use", "negative output", "negative imports", "negative final use", "prices")
    counts = {rule: sum(line.startswith(rule + ":") for line in moved) for rule in rules}
    assert counts["negative use"] == (table.use.data < 0).sum() > 0
    assert counts["negative output"] == (table.make.data < 0).sum()
    assert counts["negative imports"] == (table.imports < 0).sum() > 0
    assert counts["negative final use"] == (built(name).fixed_demand < 0).sum() > 0
    assert counts["prices"] == 1
    assert len(moved) == sum(counts.values())
    assert sum(line.startswith("margins:") for line in recipe["remarks"]) == 1


@pytest.mark.parametrize("name", TABLES)
def test_interior_has_slack_everywhere(name: str) -> None:
    economy = built(name)
    inner = economy.interior
    assert inner is not None
    assert inner.activities is not None
    net = economy.outputs - economy.inputs
    loss = economy.resource_use.T @ inner.resource_prices - net.T @ inner.goods_prices
    assert loss.min() > 0
    assert (net @ inner.activities - economy.fixed_demand).min() > 0
    assert (economy.endowment - economy.resource_use @ inner.activities).min() > 0


def test_joint_production_is_kept() -> None:
    """By-products of the make table are outputs of the industry that makes them."""
    economy = built("us-bea-71")
    assert economy.outputs.nnz > 2 * economy.n_activities


def _small(folder: Path, **changes: str) -> Path:
    """Write a table of two commodities, trade delivering a margin of 10 on corn."""
    files = {
        "table.toml": 'name = "small"\ntitle = "t"\nsource = "s"\nunit = "u"\nyear = 1\n'
        'compensation = "wages"\nmargins = ["trade"]\n',
        "make.csv": "commodity,farm,shop,imports\ncorn,100,,5\ntrade,,20,\n",
        "use.csv": "commodity,farm,shop,households\ncorn,23,5,92\ntrade,,,10\n",
        "value_added.csv": "row,farm,shop\nwages,40,10\n",
    } | {key.replace("_csv", ".csv").replace("_toml", ".toml"): v for key, v in changes.items()}
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_margins_by_hand(tmp_path: Path) -> None:
    """Corn: supplied 105, bought 120; of the 15 above, 10 are trade margin and 5 tax."""
    basic = flows_of_table(read_table(_small(tmp_path / "t")))
    inputs = basic.inputs.toarray()
    np.testing.assert_allclose(inputs[0], [23 * 105 / 120, 5 * 105 / 120])
    np.testing.assert_allclose(inputs[1], [23 / 12, 5 / 12])
    np.testing.assert_allclose(basic.net_final_use, [100 - 28 * 7 / 8, 20 - 28 / 12])
    np.testing.assert_allclose(
        basic.other, [100 - 40 - inputs[:, 0].sum(), 20 - 10 - inputs[:, 1].sum()]
    )


def test_a_folder_with_a_table_is_an_instance(tmp_path: Path) -> None:
    folder = _small(tmp_path / "t")
    instance = load_instance(str(folder))
    assert instance.economy is not None
    assert instance.economy.n_goods == 2
    assert instance.optimum == pytest.approx(float(instance.economy.assortment.sum()))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"make_csv": "commodity,farm,imports\ncorn,1,1\ntrade,y,1\n"},
            "make.csv:3: column 'farm' holds 'y'",
        ),
        ({"make_csv": "commodity,farm,shop\ncorn,1,2\n"}, "the last column must be 'imports'"),
        ({"make_csv": "\n"}, "make.csv: holds no table"),
        ({"make_csv": "c,farm,imports\ncorn,1,\ncorn,1,\n"}, "occurs twice"),
        ({"use_csv": "commodity,farm,shop,h\ncorn,1,2,3\n"}, "use.csv: has other commodities"),
        ({"use_csv": "c,shop,farm,h\ncorn,1,2,3\ntrade,1,1,1\n"}, "are not those of make.csv"),
        ({"value_added_csv": "row,farm\nwages,1\n"}, "has other industries"),
        ({"value_added_csv": "row,farm,shop\nprofit,1,1\n"}, "has no row 'wages'"),
        ({"use_csv": "c,farm,shop,h\ncorn,23,5,72\ntrade,,,10\n"}, "margins of 10 exceed"),
        ({"use_csv": "c,farm,shop,h\ncorn,,,0\ntrade,,,10\n"}, "nobody buys 'corn'"),
        ({"use_csv": "c,farm,shop,h\ncorn,,,\ntrade,,,10\n"}, "'corn' without any figure"),
        ({"table_toml": 'name = "x"\n'}, "table.toml: has no field 'title'"),
        ({"table_toml": "name = \n"}, "table.toml: is not TOML"),
        ({"table_toml": "name = 3\n"}, "table.toml: field 'name' is 3; give a text"),
    ],
)
def test_bad_tables_are_refused_in_one_line(
    tmp_path: Path, changes: dict[str, str], words: str
) -> None:
    folder = _small(tmp_path / "t", **changes)
    with pytest.raises(InputError) as caught:
        load_instance(str(folder))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_margin_that_is_no_commodity_is_refused(tmp_path: Path) -> None:
    folder = _small(tmp_path / "t")
    text = (folder / "table.toml").read_text().replace('["trade"]', '["trad"]')
    (folder / "table.toml").write_text(text)
    with pytest.raises(InputError, match="--margins names 'trad'"):
        load_instance(str(folder))
    (folder / "table.toml").write_text(text.replace('["trad"]', "[1]"))
    with pytest.raises(InputError, match="margins holds 1"):
        load_instance(str(folder))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    folder = _small(tmp_path / "t")
    (folder / "use.csv").unlink()
    with pytest.raises(InputError, match="no such file"):
        load_instance(str(folder))


def _source_tables() -> Path | None:
    named = os.environ.get("PLANBENCH_TABLES")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / ".." / "shared/tables"
    return folder if (folder / "use_71.csv").is_file() else None


@pytest.mark.parametrize("size", [15, 71])
def test_the_committed_files_are_what_conversion_gives(size: int, tmp_path: Path) -> None:
    """The figures in the repository are the published ones, every one of them."""
    source = _source_tables()
    if source is None:
        pytest.skip("the published tables are not here")
    convert(source / f"use_{size}.csv", source / f"make_{size}.csv", tmp_path / "new")
    for name in ("make.csv", "use.csv", "value_added.csv"):
        committed = tables_folder() / f"us-bea-{size}" / name
        assert (tmp_path / "new" / name).read_bytes() == committed.read_bytes()


def test_conversion_refuses_other_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\nz,1\n")
    with pytest.raises(InputError, match="lacks"):
        convert(tmp_path / "a.csv", tmp_path / "a.csv", tmp_path / "out")
    with pytest.raises(InputError, match="is not a BEA table"):
        convert(tmp_path / "none.csv", tmp_path / "none.csv", tmp_path / "out")


def test_a_loss_is_listed_and_its_optimum_is_not_claimed(tmp_path: Path) -> None:
    folder = _small(tmp_path / "t", value_added_csv="row,farm,shop\nwages,90,10\n")
    instance = load_instance(str(folder))
    assert instance.optimum is None
    assert any(line.startswith("loss: farm") for line in instance.recipe["moved"])


def test_marks_for_nothing_are_remarked(tmp_path: Path) -> None:
    make = "commodity,farm,shop,imports\ncorn,100,n/a,5\ntrade,,20,\n"
    instance = load_instance(str(_small(tmp_path / "t", make_csv=make)))
    assert "make.csv: 1 cell 'n/a' read as 0" in instance.recipe["remarks"]
    assert instance.optimum is not None


def test_a_copied_table_folder_gives_the_same_economy(tmp_path: Path) -> None:
    shutil.copytree(tables_folder() / "us-bea-15", tmp_path / "copy")
    economy, _ = economy_of_table(read_table(tmp_path / "copy"))
    assert economy.sha256 == built("us-bea-15").sha256


@pytest.mark.parametrize("name", TABLES)
def test_the_shipped_plan_file_is_the_observed_plan(name: str) -> None:
    """It is what `planbench verify` is shown with; it must not go stale."""
    from planbench.io.plan_file import read_plan

    plan, expected = (
        read_plan(tables_folder() / name / "observed_plan.csv", built(name)),
        observed_plan(name),
    )
    for part in ("x", "z", "p", "w"):
        np.testing.assert_array_equal(getattr(plan, part), getattr(expected, part))


@pytest.mark.parametrize("name", TABLES)
def test_the_observed_plan_is_the_only_optimal_one(name: str) -> None:
    """All prices are positive, so balances hold with equality; these have one solution."""
    economy = built(name)
    net = (economy.outputs - economy.inputs).toarray()
    assert np.linalg.matrix_rank(net) == economy.n_activities


@given(st.data())
@examples(150)
def test_damaged_tables_give_an_economy_or_one_line(data: st.DataObject) -> None:
    """Nothing but InputError, and no warning of numpy, for whatever stands in the files."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = _small(Path(scratch) / "t")
        path = folder / data.draw(
            st.sampled_from(["table.toml", "make.csv", "use.csv", "value_added.csv"])
        )
        content = path.read_bytes()
        start = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 12))
        new = data.draw(
            st.binary(max_size=6)
            | st.sampled_from([b"-1e308", b"1e100", b"-7", b"nan", b"1e400", b",", b"\n", b'"'])
        )
        path.write_bytes(content[:start] + new + content[start + length :])
        try:
            load_instance(str(folder))
        except InputError as error:
            assert "\n" not in str(error)  # noqa: PT017
