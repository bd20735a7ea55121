"""Tables at hand are found by name, imported, and missed with a line that says how to fix it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from planbench.catalogue.resolve import load_instance
from planbench.errors import InputError
from planbench.tables.read import FOLDER, table_files, why_not_at_hand

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "tables"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    return tmp_path


def test_names_with_and_without_ending_and_pairs(folder):
    for name in ("a.npz", "b.csv", "use_c.csv", "make_c.csv", "use_lonely.csv"):
        (folder / name).touch()
    assert table_files("table:a") == [folder / "a.npz"]
    assert table_files("table:a.npz") == [folder / "a.npz"]
    assert table_files("table:b") == [folder / "b.csv"]
    assert table_files("table:c") == [folder / "use_c.csv", folder / "make_c.csv"]
    with pytest.raises(InputError, match=r"use_lonely\.csv with make_lonely\.csv"):
        table_files("table:lonely")


@pytest.mark.parametrize("spec", ["table:", "table:../secret", "table:a/b"])
def test_only_names_not_paths(folder, spec):
    """A suite must not reach outside of the folder."""
    with pytest.raises(InputError, match="without folders"):
        table_files(spec)


def test_missing_folder_is_said(monkeypatch):
    monkeypatch.delenv(FOLDER, raising=False)
    assert FOLDER in why_not_at_hand("table:wiod-1995-1435")
    assert why_not_at_hand("years:split:table:wiod-1995-1435,goods=2000,years=2"), "made from it"
    assert why_not_at_hand("split:us-bea-15,goods=20") == ""
    assert why_not_at_hand("us-bea-15") == ""
    with pytest.raises(InputError, match=FOLDER):
        load_instance("table:wiod-1995-1435")


def test_bad_file_is_bad_input(folder):
    np.savez(folder / "x.npz", nothing=np.zeros(3))
    with pytest.raises(InputError, match="x"):
        load_instance("table:x")


def test_real_table_is_imported(monkeypatch):
    tables = Path(os.environ.get(FOLDER) or SHARED)
    if not (tables / "us-bea-2017-73.npz").is_file():
        pytest.skip("the table is not at hand")
    monkeypatch.setenv(FOLDER, str(tables))
    instance = load_instance("table:us-bea-2017-73")
    assert instance.economy.n_goods >= 73
    assert "us-bea-2017-73.npz" in instance.source
    assert str(tables) not in str(instance.recipe), "a record must not tell where a file lay"
