"""INSTANCE on the command line: names, files, folders, recipes, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from planbench.catalogue.builtin import builtin_names, list_builtin
from planbench.catalogue.resolve import load_instance
from planbench.errors import InputError
from planbench.io.npz import save_economy, save_lp
from planbench.model import Economy, make_economy, to_linear_program


def iron(factor: float = 0.2) -> Economy:
    return make_economy(
        inputs=[[factor]],
        outputs=[[1.0]],
        resource_use=[[1.0]],
        endowment=[8.0],
        assortment=np.array([1.0]),
        goods=["iron"],
        name="iron",
    )


@pytest.mark.parametrize("name", builtin_names())
def test_every_builtin_loads_and_is_described(name: str) -> None:
    instance = load_instance(name)
    assert instance.name == name
    assert instance.economy is not None
    assert instance.economy.name == name
    (info,) = [info for info in list_builtin() if info.name == name]
    assert (info.goods, info.activities) == (
        instance.economy.n_goods,
        instance.economy.n_activities,
    )
    assert info.description
    assert info.source
    assert "\n" not in info.description + info.source
    assert info.optimum == instance.optimum
    assert instance.recipe["builtin"] == name


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [
        ("us-bea-17", "us-bea-71"),
        ("kantorovitch-lathes", "kantorovich-lathes"),
        ("cockshott-5-year", "cockshott-five-year"),
    ],
)
def test_an_unknown_name_gets_the_nearest(typed: str, nearest: str) -> None:
    with pytest.raises(InputError, match=f"nearest name is '{nearest}'"):
        load_instance(typed)


@pytest.mark.parametrize("spec", ["", "   ", "nothing-like-it", "a\0b", "x" * 5000])
def test_nonsense_is_refused_in_one_line(spec: str) -> None:
    with pytest.raises(InputError) as caught:
        load_instance(spec)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".npz", ".mps", ".mps.gz", ".lp", ".toml"])
def test_a_missing_file_is_refused(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_instance(str(tmp_path / f"none{suffix}"))


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.xlsx").write_text("")
    with pytest.raises(InputError, match="is no instance"):
        load_instance(str(tmp_path / "plan.xlsx"))


def test_npz_economy(tmp_path: Path) -> None:
    path = tmp_path / "iron.npz"
    save_economy(iron(), path)
    instance = load_instance(str(path))
    assert instance.economy is not None
    assert instance.sha256 == iron().sha256
    assert instance.optimum is None


def test_npz_linear_program(tmp_path: Path) -> None:
    path = tmp_path / "iron.npz"
    save_lp(to_linear_program(iron()), path)
    instance = load_instance(str(path))
    assert instance.economy is None
    assert instance.lp.sha256 == to_linear_program(iron()).sha256


def test_an_unproductive_economy_of_a_user_is_refused_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "iron.npz"
    save_economy(iron(1.5), path)
    with pytest.raises(InputError, match=r"not productive.*'iron'") as caught:
        load_instance(str(path))
    assert str(caught.value).startswith(str(path))


def test_remarks_on_a_users_economy_are_kept(tmp_path: Path) -> None:
    odd = make_economy(
        inputs=[[0.2, 0.0]],
        outputs=[[1.0, 1.0]],
        resource_use=[[1.0, 1.0]],
        endowment=[8.0],
        capacity=[np.inf, 0.0],
        assortment=np.array([1.0]),
    )
    save_economy(odd, tmp_path / "odd.npz")
    (remark,) = load_instance(str(tmp_path / "odd.npz")).recipe["remarks"]
    assert "1 of 2 activities can never run" in remark
