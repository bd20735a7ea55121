"""``planbench import`` and ``planbench fetch`` as a person runs them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.command_line import planbench

from planbench.catalogue.resolve import load_instance
from planbench.io.npz import save_npz

SYMMETRIC = """,farm,mill,households,exports,imports,total output
farm,10,20,60,20,-10,100
mill,30,5,20,---,-5,50
wages,30,15,,,,
other value added,30,10,,,,
"""
WHOLE = 85.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "table.csv").write_text(SYMMETRIC)
    return tmp_path


def test_import_then_verify_the_observed_plan(folder: Path) -> None:
    said = planbench(
        "import", "table.csv", "-o", "e.npz", "--plan", "seen.csv", folder=folder, process=True
    )
    assert said.code == 0
    assert "known optimum" in said.out
    assert "surplus" in said.out
    assert "note: table.csv: 1 cell '---' read as 0" in said.err
    judged = planbench("verify", "e.npz", "seen.csv", "--json", folder=folder)
    assert judged.code == 0
    assert judged.document["verdict"] == "certified"
    facts = planbench("info", "e.npz", "--json", folder=folder).document
    assert facts["optimum"] == WHOLE
    assert facts["moved"] == ["surplus: foreign exchange: 5; claims on abroad, final use"]


def test_the_roles_of_all_lines_are_shown_and_in_the_json(folder: Path) -> None:
    """What a figure was taken for is seen before it is believed."""
    shown = planbench("import", "table.csv", "-o", "e.npz", folder=folder).out
    assert "What each row and column is" in shown
    assert "rows farm, mill" in shown
    assert "is the sum of all columns before" in shown
    said = planbench("import", "table.csv", "-o", "e.npz", "--json", folder=folder)
    roles = said.document["roles"]
    assert [r["label"] for r in roles if r["axis"] == "column"] == SYMMETRIC.split("\n")[0].split(
        ","
    )[1:]
    wages = next(r for r in roles if r["label"] == "wages")
    assert (wages["role"], wages["why"]) == ("compensation", "by its name")


def test_an_observed_plan_that_is_not_certified_is_no_success(
    folder: Path,
) -> None:
    """Exit code 0 says that the certificate found what the table delivers."""
    from planbench.cli.tables import _certify
    from planbench.errors import InputError
    from planbench.tables import import_table

    economy, report = import_table(folder / "table.csv")
    _certify(economy, report)
    plan = replace(report.observed.plan, x=report.observed.plan.x / 2)
    less = replace(report, observed=replace(report.observed, plan=plan))
    with pytest.raises(InputError, match=r"observed plan is worth 85, and .* can be certified"):
        _certify(economy, less)


def test_info_of_an_imported_table_is_short(folder: Path) -> None:
    """Of many figures moved by one rule a few are shown; the observed plan is a line."""
    count = 30
    header = ",".join(["", *(f"p{i}" for i in range(count)), "households", "total output"])
    rows = [
        ",".join([f"p{i}", *("-1" if j == i else "" for j in range(count)), "101", "100"])
        for i in range(count)
    ]
    (folder / "many.csv").write_text("\n".join([header, *rows, f"wages{',50' * count},,"]))
    assert planbench("import", "many.csv", "-o", "e.npz", folder=folder).code == 0
    facts = planbench("info", "e.npz", "--json", folder=folder).document
    assert len(facts["moved"]) == count
    assert facts["recipe"]["observed"]["feasible"] is True
    shown = planbench("info", "e.npz", folder=folder).out
    assert shown.count("- negative use: p") == 10
    assert "- negative use: 20 more, in --json" in shown
    assert "feasible and optimal, worth 3030" in shown
    assert "'sha256'" not in shown


def test_info_of_a_split_file_has_no_long_lists(folder: Path) -> None:
    said = planbench("disaggregate", "us-bea-15", "--goods", "100", "-o", "s.npz", folder=folder)
    assert said.code == 0
    shown = planbench("info", "s.npz", folder=folder).out
    assert "split=us-bea-15,goods=100,seed=0" in shown
    assert "known optimum" in shown
    assert "goods_of_commodities" not in shown


def test_a_known_optimum_outside_of_the_bracket_is_refuted(folder: Path) -> None:
    """A planted optimum is checked on reading; that of an observed plan stands in the file."""
    planted = load_instance("gen:goods=30,planted=true,seed=1")
    economy, optimum = planted.economy, planted.optimum
    assert economy is not None
    assert optimum is not None
    for name, factor in (("same.npz", 1.0), ("twice.npz", 2.0)):
        observed = {"sha256": economy.sha256, "feasible": True, "optimum": factor * optimum}
        save_npz(replace(economy, recipe={"observed": observed}), folder / name)
        solved = planbench("solve", name, "-s", "highs-ds", "-o", "plan.csv", folder=folder)
        judged = planbench("verify", name, "plan.csv", folder=folder)
        for said in (solved, judged):
            assert (said.code, "known optimum" in said.out) == (0, True)
            assert ("refuted: outside of what is certified" in said.out) is (factor != 1.0)


def test_import_as_json(folder: Path) -> None:
    said = planbench(
        "import", "table.csv", "-o", "e.npz", "--trade", "net", "--json", folder=folder
    )
    assert (said.code, said.err) == (0, "")
    document = said.document
    assert document["goods"] == 2
    assert document["observed"]["optimal"] is True
    assert document["observed"]["value"] == WHOLE
    assert document["kind"] == "symmetric"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.csv", "-o", "e.npz"], "missing.csv: no such file"),
        (["table.csv"], "Missing option '--output'"),
        (["table.csv", "-o", "e.xyz"], "no known format"),
        (["table.csv", "-o", "e.npz", "--technology", "magic"], "--technology: is 'magic'"),
        (["table.csv", "-o", "e.npz", "--trade-limit", "two"], "--trade-limit: is 'two'"),
        (
            ["table.csv", "-o", "e.npz", "--year", "MMXX"],
            "--year: is 'MMXX'; input should be a valid integer",
        ),
        (
            ["table.csv", "-o", "e.npz", "--plan", "plan.txt"],
            "plan.txt: the name of a plan ends in .npz or .csv",
        ),
        (["table.csv", "-o", "e.npz", "--format", "wod"], "--format: is 'wod'"),
        (["table.csv", "-o", "e.npz", "--final", "housholds"], "nearest 'households'"),
        (["table.csv", "-o", "e.npz", "--entries", "tonnes"], "--entries: is 'tonnes'"),
        (["table.csv", "-o", "e.npz", "--gross-outputs", "x"], "--gross-outputs: is 'x'; give"),
        (["table.csv", "-o", "e.npz", "--total", "Summe"], "--total names 'Summe'"),
        (["-o", "e.npz"], "give one file, or a use and a make table"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    folder: Path, arguments: list[str], message: str
) -> None:
    said = planbench("import", *arguments, folder=folder)
    assert said.code == 2
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert message in said.err
    assert not list(folder.glob("e.*"))


def test_sources_are_listed_and_unknown_ones_named() -> None:
    listed = planbench("fetch", "--list")
    assert listed.code == 0
    for name in ("us-bea", "wiod-2013", "exiobase3", "oecd-icio", "eora26", "gloria"):
        assert name in listed.out
    assert len(planbench("fetch", "--list", "--json").document["sources"]) == 6
    unknown = planbench("fetch", "wiod")
    assert unknown.code == 2
    assert "no source 'wiod'" in unknown.err
    assert planbench("fetch").code == 2


def test_a_source_behind_an_account_says_where_to_get_it() -> None:
    said = planbench("fetch", "eora26")
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert "https://worldmrio.com" in said.err
