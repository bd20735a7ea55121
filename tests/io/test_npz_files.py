"""npz files: exact round trips, and one line for every way a file can be wrong."""

from __future__ import annotations

import io
import json
import os
import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planbench.errors import InputError
from planbench.io import files, npz
from planbench.io.npz import load_any, save_npz
from planbench.model.economy import Economy, make_economy
from planbench.model.linear_program import LinearProgram
from planbench.tables.arrays import read_npz_table


@pytest.mark.parametrize("compress", [False, True])
def test_an_economy_comes_back_the_same(economy: Economy, tmp_path: Path, compress: bool) -> None:
    save_npz(economy, tmp_path / "e.npz", compress=compress)
    back = load_any(tmp_path / "e.npz")
    assert isinstance(back, Economy)
    assert back.sha256 == economy.sha256
    for field in ("goods", "activities", "resources", "targets", "units", "name", "recipe"):
        assert getattr(back, field) == getattr(economy, field)
    assert economy.interior is not None
    assert back.interior is not None
    np.testing.assert_array_equal(back.interior.goods_prices, economy.interior.goods_prices)
    np.testing.assert_array_equal(back.interior.resource_prices, economy.interior.resource_prices)
    np.testing.assert_array_equal(back.interior.activities, economy.interior.activities)
    assert back.inputs.indices.dtype == np.int32


def test_an_unlabelled_economy_stays_unlabelled(tmp_path: Path) -> None:
    plain = make_economy(
        inputs=[[0.1]], outputs=[[1]], resource_use=[[1]], endowment=[1], assortment=[1]
    )
    save_npz(plain, tmp_path / "e.npz")
    back = load_any(tmp_path / "e.npz")
    assert isinstance(back, Economy)
    assert (back.goods, back.units, back.interior) == (None, None, None)


def test_a_program_comes_back_the_same(program: LinearProgram, tmp_path: Path) -> None:
    save_npz(program, tmp_path / "p.npz")
    back = load_any(tmp_path / "p.npz")
    assert isinstance(back, LinearProgram)
    assert back.sha256 == program.sha256
    assert (back.maximise, back.offset, back.name) == (True, 12.125, "every kind")
    assert (back.row_names, back.col_names) == (program.row_names, program.col_names)


def test_load_any_tells_the_kinds_apart(
    economy: Economy, program: LinearProgram, tmp_path: Path
) -> None:
    save_npz(economy, tmp_path / "e.npz")
    save_npz(program, tmp_path / "p.npz")
    assert isinstance(load_any(tmp_path / "e.npz"), Economy)
    assert isinstance(load_any(tmp_path / "p.npz"), LinearProgram)


def test_saving_is_reproducible_and_readable_by_numpy(economy: Economy, tmp_path: Path) -> None:
    save_npz(economy, tmp_path / "a.npz")
    save_npz(economy, tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["inputs_data"], economy.inputs.data)
        assert json.loads(arrays["meta"].tobytes())["version"] == 1


def test_a_failed_write_leaves_the_old_file_and_no_other(
    economy: Economy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_npz(economy, tmp_path / "e.npz")
    before = (tmp_path / "e.npz").read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        save_npz(economy, tmp_path / "e.npz")
    assert (tmp_path / "e.npz").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["e.npz"]


def test_a_recipe_that_is_not_json_is_refused_when_saving(tmp_path: Path) -> None:
    odd = make_economy(
        inputs=[[0.1]],
        outputs=[[1]],
        resource_use=[[1]],
        endowment=[1],
        assortment=[1],
        recipe={"x": float("nan")},
    )
    with pytest.raises(InputError, match="recipe"):
        save_npz(odd, tmp_path / "e.npz")
    assert not (tmp_path / "e.npz").exists()


# --- what is wrong with a file is said in one line ---------------------------------------


def _arrays(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def _meta(arrays: dict[str, Any], **changes: Any) -> None:
    meta = json.loads(arrays["meta"].tobytes()) | changes
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)


def _refused(path: Path, *words: str) -> None:
    with pytest.raises(InputError) as caught:
        load_any(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    for word in words:
        assert word in message, message


CHANGES: list[tuple[str, Any, tuple[str, ...]]] = [
    ("version", lambda a: _meta(a, version=7), ("meta.version", "update planbench")),
    ("format", lambda a: _meta(a, format="other"), ("meta.format",)),
    ("kind", lambda a: _meta(a, kind="zoo"), ("meta.kind", "'economy' or 'linear-program'")),
    ("hash", lambda a: _meta(a, sha256="0" * 64), ("sha256", "altered")),
    ("no hash", lambda a: _meta(a, sha256=None), ("sha256",)),
    ("name", lambda a: _meta(a, name=5), ("meta.name",)),
    ("surrogate", lambda a: _meta(a, name="\ud800"), ("'meta'", "JSON")),
    ("recipe", lambda a: _meta(a, recipe=[1]), ("meta.recipe",)),
    ("value", lambda a: a["endowment"].__setitem__(0, 99.0), ("sha256", "altered")),
    ("nan", lambda a: a["endowment"].__setitem__(0, np.nan), ("endowment", "nan")),
    ("negative", lambda a: a["inputs_data"].__setitem__(0, -1.0), ("inputs", "negative")),
    ("missing", lambda a: a.pop("weights"), ("'weights'", "missing")),
    ("no meta", lambda a: a.pop("meta"), ("'meta'", "planbench")),
    ("extra", lambda a: a.__setitem__("zebra", np.zeros(1)), ("'zebra'", "format version")),
    ("range", lambda a: a["inputs_indices"].__setitem__(0, 2), ("'inputs'", "indices")),
    ("below", lambda a: a["inputs_indices"].__setitem__(0, -1), ("'inputs'", "indices")),
    ("decreasing", lambda a: a["inputs_indptr"].__setitem__(1, 99), ("'inputs'", "non-decreasing")),
    ("start", lambda a: a["inputs_indptr"].__setitem__(0, 1), ("'inputs'", "start with 0")),
    ("order", lambda a: a["inputs_indices"].__setitem__(slice(0, 2), [1, 0]), ("not sorted",)),
    ("twice", lambda a: a["inputs_indices"].__setitem__(slice(0, 2), [1, 1]), ("not sorted",)),
    ("short", lambda a: a.__setitem__("inputs_data", a["inputs_data"][:-1]), ("inputs_indptr",)),
    (
        "dtype",
        lambda a: a.__setitem__("endowment", a["endowment"].astype(np.float32)),
        ("'endowment'", "float32", "float64"),
    ),
    (
        "complex",
        lambda a: a.__setitem__("endowment", a["endowment"].astype(complex)),
        ("'endowment'", "complex128"),
    ),
    (
        "text",
        lambda a: a.__setitem__("endowment", np.array(["a", "b"])),
        ("'endowment'",),
    ),
    ("2-d", lambda a: a.__setitem__("weights", np.ones((2, 1))), ("2 dimensions",)),
    (
        "structured",
        lambda a: a.__setitem__("weights", np.zeros(2, dtype=[("a", "<f8")])),
        ("'weights'", "float64"),
    ),
    (
        "pickle",
        lambda a: a.__setitem__("goods", np.array(["a", "b"], dtype=object)),
        ("'goods'", "allow_pickle=False"),
    ),
    (
        "labels",
        lambda a: a.__setitem__("goods", np.frombuffer(b'["a", 1]', dtype=np.uint8)),
        ("'goods'", "list of strings"),
    ),
    (
        "broken labels",
        lambda a: a.__setitem__("goods", np.frombuffer(b'["a",', dtype=np.uint8)),
        ("'goods'", "JSON"),
    ),
    (
        "deep labels",
        lambda a: a.__setitem__("goods", np.frombuffer(b"[" * 100_000, dtype=np.uint8)),
        ("'goods'", "JSON"),
    ),
    (
        "equal labels",
        lambda a: a.__setitem__("goods", np.frombuffer(b'["a", "a"]', dtype=np.uint8)),
        ("goods", "twice"),
    ),
    ("half interior", lambda a: a.pop("interior_goods_prices"), ("interior_goods_prices",)),
    (
        "interior size",
        lambda a: a.__setitem__("interior_activities", np.zeros(7)),
        ("interior_activities", "shape"),
    ),
]


@pytest.mark.parametrize(("change", "words"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_an_altered_file_is_refused_in_one_line(
    economy: Economy, tmp_path: Path, change: Any, words: tuple[str, ...]
) -> None:
    path = tmp_path / "e.npz"
    save_npz(economy, path)
    arrays = _arrays(path)
    for name, value in arrays.items():
        arrays[name] = value.copy()
    change(arrays)
    np.savez(path, allow_pickle=True, **arrays)
    _refused(path, *words)


def test_int64_indices_are_read(economy: Economy, tmp_path: Path) -> None:
    path = tmp_path / "e.npz"
    save_npz(economy, path)
    arrays = _arrays(path)
    arrays["inputs_indices"] = arrays["inputs_indices"].astype(np.int64)
    np.savez(path, **arrays)
    assert load_any(path).sha256 == economy.sha256


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    _refused(tmp_path / "none.npz", "no such file")
    _refused(tmp_path / "nowhere" / "none.npz", "no folder")
    _refused(tmp_path, "is a folder")
    with pytest.raises(InputError, match="cannot"):
        load_any("a\0b.npz")


def test_pipes_are_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    _refused(tmp_path / "pipe.npz", "not a regular file")


def test_files_without_permission_are_named(
    economy: Economy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_npz(economy, tmp_path / "e.npz")

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    # Taking the permission away would not stop root, who runs many test suites.
    monkeypatch.setattr(npz.zipfile, "ZipFile", denied)
    _refused(tmp_path / "e.npz", "permission")


def test_saving_into_a_missing_folder_says_so(economy: Economy, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        save_npz(economy, tmp_path / "nowhere" / "e.npz")
    with pytest.raises(InputError, match="folder"):
        save_npz(economy, tmp_path)


@pytest.mark.parametrize("part", [0, 1, 10, 100, 500])
def test_a_truncated_file_is_refused(economy: Economy, tmp_path: Path, part: int) -> None:
    path = tmp_path / "e.npz"
    save_npz(economy, path)
    path.write_bytes(path.read_bytes()[: part or -1])
    _refused(path, "again")


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.npz"
    path.write_bytes(b"not a zip file at all")
    _refused(path, "not a planbench .npz file")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.txt", "hello")
    _refused(path, "'readme.txt'")


def _npy(header: str, body: bytes = b"") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


def _with_member(path: Path, content: bytes, method: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("weights.npy", content, compress_type=method)


def test_a_declared_shape_larger_than_the_file_is_refused_before_allocating(
    tmp_path: Path,
) -> None:
    path = tmp_path / "e.npz"
    huge = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000,), }"
    _with_member(path, _npy(huge))
    _refused(path, "'weights'", "does not fit into memory", "damaged")
    _with_member(path, _npy(huge.replace("1000000000000000", "1" * 3000)))
    _refused(path, "'weights'")


def test_a_zip_bomb_is_refused_with_an_estimate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "e.npz"
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000,), }"
    _with_member(path, _npy(header, bytes(8_000_000)), zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 20_000
    monkeypatch.setattr(files, "available_bytes", lambda: 5_000_000)
    _refused(path, "needs about 10.0 MB", "5.00 MB are available")


def test_a_size_that_deflate_cannot_reach_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.npz"
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000,), }"
    _with_member(path, _npy(header, bytes(8000)), zipfile.ZIP_DEFLATED)
    raw = bytearray(path.read_bytes())
    directory = raw.rindex(b"PK\x01\x02")
    raw[directory + 24 : directory + 28] = struct.pack("<I", 4_000_000_000)
    path.write_bytes(bytes(raw))
    _refused(path, "unpacks to 4")


def test_damaged_content_is_noticed_by_its_checksum(economy: Economy, tmp_path: Path) -> None:
    path = tmp_path / "e.npz"
    save_npz(economy, path)
    raw = path.read_bytes()
    place = raw.index(np.asarray(economy.endowment).tobytes())
    path.write_bytes(raw[:place] + b"\xff" + raw[place + 1 :])
    _refused(path, "'endowment'", "CRC")


def test_encryption_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.npz"
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }"
    _with_member(path, _npy(header, bytes(8)))
    raw = bytearray(path.read_bytes())
    raw[raw.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(raw))
    _refused(path, "encrypted")


def test_an_array_stored_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.npz"
    buffer = io.BytesIO()
    np.save(buffer, np.ones(1))
    with zipfile.ZipFile(path, "w") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        file.writestr("weights.npy", buffer.getvalue())
        file.writestr("weights.npy", buffer.getvalue())
    _refused(path, "'weights'")


def test_running_out_of_memory_is_one_line(
    economy: Economy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "e.npz"
    save_npz(economy, path)

    def none_left(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(npz.np.lib.format, "read_array", none_left)
    _refused(path, "does not fit into memory")


def test_an_archive_that_unpacks_to_far_more_than_it_is_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """12 MB that declare 12 GB fit the memory of a large machine, and nobody means them."""
    monkeypatch.setattr(files, "UNPACKED_FREELY", 1_000_000)
    path = tmp_path / "e.npz"
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000,), }"
    _with_member(path, _npy(header, bytes(8_000_000)), zipfile.ZIP_DEFLATED)
    _refused(path, "unpacks to 8.00 MB", "without compression")
    _with_member(path, _npy(header, bytes(8_000_000)))
    _refused(path, "meta")  # stored as it is, it is looked into


def test_a_table_that_unpacks_to_far_more_than_it_is_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "UNPACKED_FREELY", 1_000_000)
    np.savez_compressed(tmp_path / "t.npz", Z=np.zeros((1000, 1000)))
    with pytest.raises(InputError, match=r"t\.npz: has .* unpacks to 8.00 MB"):
        read_npz_table(tmp_path / "t.npz", "t")


def test_a_damaged_table_is_one_line(tmp_path: Path) -> None:
    """zlib, zipfile and numpy have an error each for the same damage; some were tracebacks."""
    path = tmp_path / "t.npz"
    rng = np.random.default_rng(5)
    np.savez_compressed(path, Z=rng.random((6, 6)), industry=np.array(list("abcdef")))
    good = path.read_bytes()
    said = []
    for _ in range(400):
        data = bytearray(good)
        if rng.random() < 0.2:
            data = data[: int(rng.integers(len(data)))]
        for _ in range(int(rng.integers(1, 4))):
            if data:
                data[int(rng.integers(len(data)))] = int(rng.integers(256))
        path.write_bytes(data)
        try:
            read_npz_table(path, "t")
        except InputError as error:
            said.append(str(error))
    assert len(said) > 200
    assert not any("\n" in line for line in said)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"industries": np.array([b"ab", b"cd"])}, "holds bytes"),
        ({"country": ["a", "b"], "industry": ["s"], "products": ["p", "q"]}, "leave them out"),
        ({"Z": np.zeros((0, 0)), "Y": np.zeros((0, 1)), "country": np.array([], "<U1")}, "0 rows"),
    ],
)
def test_labels_of_a_table_are_text(
    tmp_path: Path, arrays: dict[str, np.ndarray], words: str
) -> None:
    table = {"Z": np.eye(2), "Y": np.ones((2, 1))}
    np.savez(tmp_path / "t.npz", **(table | arrays))
    with pytest.raises(InputError, match=words):
        read_npz_table(tmp_path / "t.npz", "t")


def test_entries_without_bytes_are_refused(tmp_path: Path) -> None:
    """A file of 200 bytes could declare a billion of them."""
    header = "{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000,)}"
    _with_member(tmp_path / "t.npz", _npy(header))
    with pytest.raises(InputError, match="entries of no bytes"):
        read_npz_table(tmp_path / "t.npz", "t")
