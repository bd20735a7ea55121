"""INSTANCE on the command line: names, files, folders, recipes, and what is refused."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest

from planbench.catalogue.builtin import builtin_names, list_builtin
from planbench.catalogue.resolve import load_instance
from planbench.errors import InputError
from planbench.io.npz import save_npz
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
    assert instance.description
    assert instance.source
    assert "\n" not in instance.description + instance.source
    assert name in [one.name for one in list_builtin()]
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
    with pytest.raises(InputError, match=f", nearest '{nearest}'"):
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
    save_npz(iron(), path)
    instance = load_instance(str(path))
    assert instance.economy is not None
    assert instance.sha256 == iron().sha256
    assert instance.optimum is None


def test_npz_linear_program(tmp_path: Path) -> None:
    path = tmp_path / "iron.npz"
    save_npz(to_linear_program(iron()), path)
    instance = load_instance(str(path))
    assert instance.economy is None
    assert instance.lp.sha256 == to_linear_program(iron()).sha256


def test_an_unproductive_economy_of_a_user_is_refused_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "iron.npz"
    save_npz(iron(1.5), path)
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
    save_npz(odd, tmp_path / "odd.npz")
    (remark,) = load_instance(str(tmp_path / "odd.npz")).recipe["remarks"]
    assert "1 of 2 activities can never run" in remark


def test_inline_recipe() -> None:
    instance = load_instance("gen:goods=50,inputs=5,seed=1")
    assert instance.name == "gen:goods=50,inputs=5,seed=1"
    assert instance.economy is not None
    assert instance.economy.n_goods == 50
    assert instance.recipe["goods"] == 50
    assert instance.optimum is None
    assert load_instance("gen:goods=50,inputs=5,seed=1").sha256 == instance.sha256


def test_planted_optimum_is_known() -> None:
    instance = load_instance("gen:goods=50,planted=true,seed=1")
    assert instance.optimum == instance.recipe["planted_optimum"] > 0


def test_a_generated_economy_from_a_file_keeps_its_optimum_and_is_not_checked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million goods are productive by construction; a check would cost more than the solve."""
    generated = load_instance("gen:goods=50,planted=true,seed=1")
    assert generated.economy is not None
    save_npz(generated.economy, tmp_path / "gen.npz")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("checked")

    monkeypatch.setattr("planbench.catalogue.resolve.check_economy", refuse)
    assert load_instance(str(tmp_path / "gen.npz")).optimum == generated.optimum


def test_a_bad_inline_recipe_is_refused() -> None:
    with pytest.raises(InputError):
        load_instance("gen:godds=50")


def test_toml_recipe(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text('goods = 50\ninputs = "5"\nseed = 1\n')
    assert load_instance(str(path)).sha256 == load_instance("gen:goods=50,inputs=5,seed=1").sha256


@pytest.mark.parametrize("name", ["iron.mps", "iron.mps.gz", "IRON.MPS"])
def test_mps(tmp_path: Path, name: str) -> None:
    from planbench.io.mps import write_mps

    write_mps(to_linear_program(iron()), tmp_path / name)
    instance = load_instance(str(tmp_path / name))
    assert instance.economy is None
    assert instance.sha256 == to_linear_program(iron()).sha256


@pytest.mark.parametrize("name", ["iron.mps.bz2", "iron.mps.xz", "IRON.MPS.XZ", "iron.mps"])
def test_compressed_mps_files_are_read(tmp_path: Path, name: str) -> None:
    from planbench.io.mps import write_mps

    write_mps(to_linear_program(iron()), tmp_path / "plain.mps")
    content = (tmp_path / "plain.mps").read_bytes()
    pack = {".bz2": bz2.compress, ".xz": lzma.compress}.get(Path(name.lower()).suffix, bytes)
    (tmp_path / name).write_bytes(pack(content))
    assert load_instance(str(tmp_path / name)).sha256 == to_linear_program(iron()).sha256


@pytest.mark.parametrize("name", ["model.gz", "model.mps.zip", "model.npz.xz", "model.mps.Z"])
def test_other_compressed_files_are_refused_with_the_fix(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InputError, match=r"unpack it, or name it after its format"):
        load_instance(str(tmp_path / name))


_INTEGER_LP = "maximize\n obj: 2 x + y\nsubject to\n c1: x + y <= 4\ngeneral\n x\nend\n"


def test_lp_file_and_relax(tmp_path: Path) -> None:
    """Integers are refused unless the caller says that they may be dropped."""
    path = tmp_path / "small.lp"
    path.write_text(_INTEGER_LP)
    with pytest.raises(InputError, match="relax"):
        load_instance(str(path))
    program = load_instance(str(path), relax=True).lp
    assert (program.n_rows, program.n_cols, program.maximise) == (1, 2, True)
    packed = tmp_path / "small.lp.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert load_instance(str(packed), relax=True).sha256 == program.sha256


def _csv_folder(folder: Path, amount: float) -> Path:
    folder.mkdir()
    (folder / "goods.csv").write_text("good\niron\n")
    (folder / "assortment.csv").write_text("good,amount\niron,1\n")
    (folder / "inputs.csv").write_text(f"good,activity,amount\niron,iron,{amount}\n")
    (folder / "resources.csv").write_text("resource,endowment\nlabour,8\n")
    (folder / "resource_use.csv").write_text("resource,activity,amount\nlabour,iron,1\n")
    return folder


def test_csv_folder(tmp_path: Path) -> None:
    instance = load_instance(str(_csv_folder(tmp_path / "mine", 0.2)))
    assert instance.economy is not None
    assert instance.sha256 == iron().sha256


def test_an_unproductive_csv_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not productive.*'iron'"):
        load_instance(str(_csv_folder(tmp_path / "mine", 1.2)))


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        load_instance(str(tmp_path))
