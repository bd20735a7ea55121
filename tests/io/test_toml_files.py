"""TOML files of any origin: one line for each fault, and no file that takes minutes."""

from pathlib import Path

import pytest

from planbench.errors import InputError
from planbench.io import text
from planbench.io.text import read_toml


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"goods = " + b"9" * 5000, "a whole number beyond 64 bits"),
        (b"goods = [{a = 9223372036854775808}]", "a whole number beyond 64 bits"),
        (b"a = " + b"[" * 90_000, "nested too deeply"),
        (b"a = \xe4", "not UTF-8"),
        (b"a = ", "is not TOML"),
        (b"a = 1\na = 2", "is not TOML"),
        (b".".join([b"a"] * 1000) + b" = 1", "nested too deeply"),
        (b"a = 1\n" + b".".join([b"b"] * 2000) + b" = 1", "a line of 1,999 dots, too many"),
        (b" . ".join([b'"a"'] * 2000) + b" = 1", "a line of 1,999 dots, too many"),
        (b"x = { " + b".".join([b"a"] * 2000) + b" = 1 }", "a line of 1,999 dots, too many"),
        (b"[" + b".".join([b"a"] * 2000) + b"]", "a line of 1,999 dots, too many"),
    ],
)
def test_what_is_no_toml_of_ours_is_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    """Long numbers gave a traceback; a file of 400 kB with one dotted key took minutes."""
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"x\.toml: .*{words}") as caught:
        read_toml(path, "a suite")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_file_larger_than_any_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "LARGEST_TOML", 10)
    (tmp_path / "x.toml").write_text("a = 'long enough'")
    with pytest.raises(InputError, match="has 17 bytes, too many for a suite"):
        read_toml(tmp_path / "x.toml", "a suite")


@pytest.mark.parametrize("name", ["/dev/zero", "."])
def test_devices_and_folders_are_no_files(name: str) -> None:
    with pytest.raises(InputError, match=r"not a regular file|is a folder"):
        read_toml(Path(name), "a suite")


def test_every_file_that_ships_is_read() -> None:
    from planbench.io.files import instances_folder

    paths = sorted(instances_folder().rglob("*.toml"))
    assert len(paths) > 20
    for path in paths:
        assert read_toml(path, "a file")
