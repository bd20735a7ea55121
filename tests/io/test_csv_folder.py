"""Economies as CSV folders: by hand, from spreadsheets, exact, and faults by line and column."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from planbench.errors import InputError
from planbench.io.csv_folder import load_economy, save_economy
from planbench.model.economy import Economy, make_economy

HAND = {
    "goods.csv": "good,unit,fixed_demand\niron,t,\ncorn,bushel,-2.5\n",
    "activities.csv": "activity,capacity\nsmelt,\nfarm,40\nfarm better,inf\n",
    "inputs.csv": "good,activity,amount\niron,farm better,0.25\ncorn,smelt,0.5\n",
    "outputs.csv": "good,activity,amount\niron,smelt,1\ncorn,farm,1\ncorn,farm better,2\n",
    "resources.csv": "resource,endowment\nlabour,100\n",
    "resource_use.csv": (
        "resource,activity,amount\nlabour,smelt,1\nlabour,farm,1\nlabour,farm better,1.5\n"
    ),
    "assortment.csv": "good,amount\ncorn,1\n",
}


def _write(folder: Path, files: dict[str, str | bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    return folder


def _hand(tmp_path: Path, **changes: str | bytes | None) -> Path:
    files: dict[str, str | bytes] = dict(HAND)
    for stem, content in changes.items():
        files.pop(f"{stem}.csv", None)
        if content is not None:
            files[f"{stem}.csv"] = content
    return _write(tmp_path / "hand", files)


def _refused(folder: Path, *words: str) -> None:
    with pytest.raises(InputError) as caught:
        load_economy(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(folder))
    for word in words:
        assert word in message, message


def test_a_folder_written_by_hand(tmp_path: Path) -> None:
    economy = load_economy(_hand(tmp_path))
    np.testing.assert_array_equal(economy.inputs.toarray(), [[0, 0, 0.25], [0.5, 0, 0]])
    np.testing.assert_array_equal(economy.outputs.toarray(), [[1, 0, 0], [0, 1, 2]])
    np.testing.assert_array_equal(economy.resource_use.toarray(), [[1, 1, 1.5]])
    np.testing.assert_array_equal(economy.capacity, [np.inf, 40, np.inf])
    np.testing.assert_array_equal(economy.fixed_demand, [0, -2.5])
    np.testing.assert_array_equal(economy.assortment.toarray(), [[0], [1]])
    assert economy.goods == ("iron", "corn")
    assert economy.units == ("t", "bushel")
    assert economy.targets is None
    assert economy.name == "hand"


def test_the_smallest_folder_has_two_files(tmp_path: Path) -> None:
    folder = _write(
        tmp_path / "two", {"goods.csv": "good\niron\n", "assortment.csv": "good,amount\niron,1"}
    )
    economy = load_economy(folder)
    assert economy.activities == ("iron",)
    np.testing.assert_array_equal(economy.outputs.toarray(), [[1]])
    assert economy.n_resources == 0
    assert economy.capacity[0] == np.inf


def test_without_outputs_an_activity_makes_the_good_of_its_name(tmp_path: Path) -> None:
    folder = _hand(
        tmp_path,
        outputs=None,
        activities="activity\ncorn\niron\n",
        inputs="good,activity,amount\niron,corn,0.25\n",
        resource_use=None,
    )
    np.testing.assert_array_equal(load_economy(folder).outputs.toarray(), [[0, 1], [1, 0]])
    _refused(_hand(tmp_path, outputs=None), "outputs.csv", "'smelt'")


@pytest.mark.parametrize(
    "spell",
    [
        lambda t: "\ufeff" + t,
        lambda t: t.replace(",", ";"),
        lambda t: t.replace(",", "\t"),
        lambda t: t.replace("\n", "\r\n"),
        lambda t: t.replace("\n", ",,\n"),
        lambda t: "\n\n" + t.replace("\n", "\n\n , \n"),
        lambda t: t.replace("corn", '"corn"').replace("iron", ' "iron"'.strip()),
        lambda t: t.replace(",", " , "),
        lambda t: t.replace("good", "Good", 1).replace("amount", "AMOUNT"),
        lambda t: "\n".join(
            line + (",note" if i == 0 else ",see ledger") for i, line in enumerate(t.splitlines())
        ),
    ],
    ids=[
        "bom",
        "semicolon",
        "tab",
        "crlf",
        "trailing",
        "blank",
        "quoted",
        "spaced",
        "case",
        "note",
    ],
)
def test_what_spreadsheets_make_of_it_reads_the_same(tmp_path: Path, spell: object) -> None:
    expected = load_economy(_hand(tmp_path)).sha256
    changed = {name: spell(content) for name, content in HAND.items()}  # type: ignore[operator]
    assert load_economy(_write(tmp_path / "other", changed)).sha256 == expected


def test_several_targets(tmp_path: Path) -> None:
    folder = _hand(
        tmp_path,
        targets="target,weight\nhome,2\naway,\n",
        assortment="good,target,amount\niron,away,1\ncorn,home,3\n",
    )
    economy = load_economy(folder)
    assert economy.targets == ("home", "away")
    np.testing.assert_array_equal(economy.weights, [2, 1])
    np.testing.assert_array_equal(economy.assortment.toarray(), [[0, 1], [3, 0]])
    folder = _hand(tmp_path, assortment="good,target,amount\niron,away,1\ncorn,home,3\n")
    (folder / "targets.csv").unlink()
    assert load_economy(folder).targets == ("away", "home")


BAD: list[tuple[str, str | bytes | None, tuple[str, ...]]] = [
    ("goods", None, ("goods.csv", "no such file")),
    ("assortment", None, ("assortment.csv", "no such file")),
    ("goods", "", ("goods.csv:1", "empty")),
    ("goods", "good\n", ("goods.csv", "no good")),
    ("goods", "good,unit\niron,t\niron,t\n", ("goods.csv:3", "'good'", "'iron' occurs twice")),
    ("goods", "good,unit\niron,t\n,t\n", ("goods.csv:3", "'good'", "empty")),
    ("goods", "good,units\niron,t\n", ("goods.csv:1", "unknown column 'units', nearest 'unit'")),
    ("goods", "unit\nt\n", ("goods.csv:1", "no column 'good'")),
    ("goods", "good,good\na,b\n", ("goods.csv:1", "twice")),
    ("goods", "good,fixed_demand\niron,1\ncorn,nan\n", ("goods.csv:3", "'fixed_demand'", "'nan'")),
    ("goods", "good,fixed_demand\niron,1\ncorn,inf\n", ("goods.csv:3", "'inf'")),
    ("goods", b"good\nf\xe4hre\n", ("goods.csv:2", "UTF-8")),
    ("goods", "good\niron\ncorn\n".encode("utf-16"), ("goods.csv", "NUL")),
    ("goods", 'good\n"iron\n', ("goods.csv:2", "quotation")),
    ("activities", "activity\n", ("activities.csv", "no activity")),
    ("activities", HAND["activities.csv"].replace("40", "-1"), ("activities.csv:3", "negative")),
    (
        "activities",
        HAND["activities.csv"].replace("40", "1e999"),
        ("activities.csv:3", "not a finite number"),
    ),
    ("inputs", "good,activity,amount\nirn,farm,1\n", ("inputs.csv:2", "'good'", "nearest 'iron'")),
    ("inputs", "good,activity,amount\niron,fram,1\n", ("inputs.csv:2", "nearest 'farm'")),
    ("inputs", "good,activity,amount\niron,,1\n", ("inputs.csv:2", "'activity'", "empty")),
    ("inputs", "good,activity,amount\niron,farm,\n", ("inputs.csv:2", "'amount'", "empty")),
    ("inputs", "good,activity,amount\niron,farm,-1\n", ("inputs.csv:2", "negative")),
    ("inputs", "good,activity,amount\niron,farm,1e999\n", ("inputs.csv:2", "not a finite number")),
    ("inputs", "good,activity,amount\niron,farm,1e-999\n", ("inputs.csv:2", "too small")),
    ("inputs", "good,activity,amount\niron,farm,0x1\n", ("inputs.csv:2", "not a decimal number")),
    ("inputs", "good,activity,amount\niron,farm,1_0\n", ("inputs.csv:2", "not a decimal number")),
    ("inputs", "good;activity;amount\niron;farm;1,5\n", ("inputs.csv:2", "a point, no comma")),
    ("inputs", "good,activity,amount\niron,farm,1,5\n", ("inputs.csv:2", "4 fields")),
    (
        "inputs",
        "good,activity,amount\niron,farm,1\ncorn,farm,1\niron,farm,1\n",
        ("inputs.csv:4", "second time"),
    ),
    ("resources", "resource\nlabour\n", ("resources.csv:1", "no column 'endowment'")),
    ("resources", "resource,endowment\nlabour,\n", ("resources.csv:2", "empty")),
    ("resources", "resource,endowment\nlabour,-1\n", ("resources.csv:2", "negative")),
    ("resource_use", "resource,activity,amount\nland,farm,1\n", ("resource_use.csv:2", "'land'")),
    ("assortment", "good,amount\n", ("asks for no good",)),
    ("assortment", "good,target,amount\n", ("asks for no good",)),
    ("assortment", "good,amount\ncorn,0\n", ("asks for no good",)),
    ("targets", "target,weight\nhome,0\n", ("targets.csv:2", "positive")),
    ("targets", "target\nhome\naway\n", ("assortment.csv:2", "'target'", "empty")),
    ("input", "good,activity,amount\n", ("input.csv", "nearest 'inputs'")),
    ("economy", "field,value\ncolour,red\n", ("economy.csv:2", "'colour'")),
    ("economy", "field,value\nrecipe,{\n", ("economy.csv:2", "JSON")),
]


@pytest.mark.parametrize(("stem", "content", "words"), BAD)
def test_a_fault_is_named_with_file_line_and_column(
    tmp_path: Path, stem: str, content: str | bytes | None, words: tuple[str, ...]
) -> None:
    _refused(_hand(tmp_path, **{stem: content}), *words)


def test_line_numbers_count_blank_lines_and_quoted_line_ends(tmp_path: Path) -> None:
    text = 'good,activity,amount,note\n\niron,farm,1,"two\nlines"\n\ncorn,farm,x,\n'
    _refused(_hand(tmp_path, inputs=text), "inputs.csv:6", "'x'")


def test_a_missing_folder_or_a_file_is_named(tmp_path: Path) -> None:
    _refused(tmp_path / "none", "no such file")
    (tmp_path / "file").write_text("x")
    _refused(tmp_path / "file", "Not a directory")


def test_an_economy_comes_back_the_same(economy: Economy, tmp_path: Path) -> None:
    save_economy(economy, tmp_path / "e")
    back = load_economy(tmp_path / "e")
    assert back.sha256 == economy.sha256
    for field in ("goods", "activities", "resources", "targets", "units", "name", "recipe"):
        assert getattr(back, field) == getattr(economy, field)


def test_unlabelled_and_resourceless_economies_come_back_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    plain = make_economy(
        inputs=rng.lognormal(sigma=30, size=(4, 6)) * (rng.random((4, 6)) < 0.5),
        outputs=rng.random((4, 6)),
        resource_use=np.zeros((0, 6)),
        endowment=[],
        assortment=rng.random((4, 2)),
        fixed_demand=rng.normal(size=4),
        capacity=rng.random(6),
    )
    save_economy(plain, tmp_path / "e")
    back = load_economy(tmp_path / "e")
    assert back.sha256 == plain.sha256
    assert (back.goods, back.activities, back.resources, back.targets) == (None,) * 4


def test_saving_again_replaces_and_never_mixes(economy: Economy, tmp_path: Path) -> None:
    save_economy(economy, tmp_path / "e")
    other = replace(economy, units=None, name="other")
    save_economy(other, tmp_path / "e")
    assert load_economy(tmp_path / "e").units is None
    assert [p.name for p in tmp_path.iterdir()] == ["e"]


def test_saving_never_touches_a_folder_of_other_things(economy: Economy, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(InputError, match=r"thesis\.tex"):
        save_economy(economy, tmp_path)
    with pytest.raises(InputError, match="Not a directory"):
        save_economy(economy, tmp_path / "thesis.tex")
    assert (tmp_path / "thesis.tex").read_text() == "precious"


def test_what_csv_cannot_hold_is_refused_and_leaves_nothing(
    economy: Economy, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="label ' iron'"):
        save_economy(replace(economy, goods=(" iron", "corn")), tmp_path / "e")
    with pytest.raises(InputError, match="recipe"):
        save_economy(replace(economy, recipe={"x": object()}), tmp_path / "e")
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    economy = load_economy(_hand(tmp_path))
    (tmp_path / "link").symlink_to(tmp_path / "hand")
    save_economy(economy, tmp_path / "link")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hand", "link"]
    assert load_economy(tmp_path / "hand").sha256 == economy.sha256
