"""Every file is written beside its place and renamed: no fault leaves half of one."""

from __future__ import annotations

import ast
import errno
import os
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support.full import FULL

import planbench
from planbench.errors import InputError
from planbench.io import files
from planbench.io.files import check_writable, replacing, write_text

GOOD = "what was there before\n"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "out.txt"
    path.write_text(GOOD)
    return path


def _alone(path: Path) -> None:
    assert path.read_text() == GOOD
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_full_disk_leaves_the_file_that_was_there(
    target: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Reports and exports were replaced by half of themselves."""

    def full(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(InputError, match=f"out.txt: cannot write it: {os.strerror(code)}"):
        write_text(target, "new")
    _alone(target)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_error_while_it_is_written_leaves_the_file_that_was_there(
    target: Path, error: type[BaseException]
) -> None:
    def half() -> None:
        with replacing(target) as stream:
            stream.write(b"half")
            raise error

    with pytest.raises(error):
        half()
    _alone(target)


def test_no_free_inode_leaves_the_file_that_was_there(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.open

    def full(self: Path, mode: str = "r", *args: object, **more: object) -> object:
        if "x" in mode:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(self, mode, *args, **more)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(InputError, match="No space left on device; make room"):
        write_text(target, "new")
    monkeypatch.undo()
    _alone(target)


def test_permissions_are_kept_and_new_files_follow_the_umask(target: Path, tmp_path: Path) -> None:
    target.chmod(0o640)
    write_text(target, "new")
    assert (target.read_text(), stat.S_IMODE(target.stat().st_mode)) == ("new", 0o640)
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "fresh", "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o640


def test_a_link_stays_a_link(target: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(target.name)
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_text_that_is_no_unicode_is_written_as_escapes(target: Path) -> None:
    """Names of files may hold any bytes, and stand in reports."""
    write_text(target, "a\udcffb")
    assert target.read_text() == "a\\udcffb"


def test_names_as_long_as_the_system_takes_are_written(tmp_path: Path) -> None:
    """The temporary name must not be longer than the name itself may be."""
    path = tmp_path / ("ä" * 127)
    write_text(path, "new")
    assert path.read_text() == "new"


@pytest.mark.parametrize("check", [lambda p: write_text(p, "new"), check_writable])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        (".", "is a folder"),
        ("x" * 300, "File name too long; give a shorter name"),
        ("x" * 300 + "/y", "File name too long"),
        ("loop", "links lead in a circle"),
        ("loop/y", "links lead in a circle"),
        ("none/y", "there is no folder"),
        ("out.txt/y", "Not a directory|there is no folder"),
        ("a\0b", "null byte"),
    ],
)
def test_a_name_that_cannot_be_written_is_one_line(
    target: Path, check: Callable[[Path], object], name: str, words: str
) -> None:
    (target.parent / "loop").symlink_to("pool")
    (target.parent / "pool").symlink_to("loop")
    with pytest.raises(InputError, match=words) as caught:
        check(target.parent / name)
    assert "\n" not in str(caught.value)
    assert target.read_text() == GOOD


def test_the_root_names_no_new_folder() -> None:
    with pytest.raises(InputError, match="names nothing"):
        check_writable(Path("/"), folder=True)


def test_a_read_only_file_is_not_replaced(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Renaming asks for permission on the folder only."""
    target.chmod(0o444)
    # Root may write everything, and tests may run as root.
    monkeypatch.setattr(files.os, "access", lambda path, _: Path(path) != target)
    for write in (check_writable, lambda p: write_text(p, "new")):
        with pytest.raises(InputError, match="permission denied"):
            write(target)
    _alone(target)


def test_pipes_and_devices_are_written_to_and_stay(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    write_text(pipe, "new")
    reader.join(timeout=30)
    assert got == ["new"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    write_text("/dev/null", "new")
    with pytest.raises(InputError, match="/dev/full: cannot write it: No space left"):
        write_text("/dev/full", "new")
    assert [p.name for p in tmp_path.iterdir()] == ["pipe"]


@pytest.mark.parametrize("to_file", [False, True])
def test_standard_output_has_a_name(tmp_path: Path, to_file: bool) -> None:
    """``-o /dev/stdout`` in a pipe: the name leads to no file that could be replaced."""
    code = "from planbench.io.files import write_text; write_text('/dev/stdout', 'new')"
    out = tmp_path / "out"
    with out.open("wb") as file:
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdout=file if to_file else subprocess.PIPE,
            text=True,
            check=True,
        )
    assert (out.read_text() if to_file else done.stdout) == "new"


def test_no_module_writes_a_file_in_any_other_way() -> None:
    """A writer that opens its file with ``"w"`` leaves half of one on a full disk.

    Those listed write where nothing can be lost: into folders of a job, a download or an
    environment that count only when they are complete, or into an open archive, or they append.
    """
    allowed = {
        "io/csv_folder.py", "io/files.py", "tables/fetch.py", "measure/in_process.py",
        "measure/cgroup.py", "measure/launch.py", "measure/memory.py", "measure/watch.py",
        "measure/worker.py",
        "records/store.py", "io/npz.py",
        "solvers/command.py", "solvers/conformance.py", "solvers/programs.py",
    }  # fmt: skip
    root = Path(planbench.__file__).parent
    found = set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
                owner = getattr(node.func, "value", None)
                modes = [a.value for a in node.args if isinstance(a, ast.Constant)]
                opens = name == "open" and any(
                    isinstance(m, str) and set(m) & set("wxa+") and len(m) < 4 for m in modes
                )
                writes = isinstance(owner, ast.AST) and name in ("write_text", "write_bytes")
                if opens or writes or name == "savez":
                    found.add(str(path.relative_to(root)))
    assert found <= allowed


def _can_mount() -> bool:
    mount = "mount -t tmpfs -o size=64k tmpfs /tmp"
    try:
        done = subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True)
    except FileNotFoundError:
        return False
    return done.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["size=64k", "nr_inodes=6"])
def test_commands_on_a_full_disk_are_one_line_and_leave_the_file_that_was_there(
    tmp_path: Path, limit: str
) -> None:
    """A real file system without room for bytes or for files."""
    if not _can_mount():
        pytest.skip("this system lets nobody mount a small file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    rows = Path(__file__).parents[1] / "records" / "data" / "version-1.jsonl"
    fill = "head -c 60000 /dev/zero > fill" if "size" in limit else "touch f1 f2 f3 f4 2>/dev/null"
    commands = {
        "report.html": f"report {rows} -o report.html",
        "rows.csv": f"export {rows} -o rows.csv",
        "rows.parquet": f"export {rows} -o rows.parquet",
        "e.npz": "export us-bea-15 -o e.npz",
        "plan.csv": "solve leontief-3 -o plan.csv",
    }
    if "inodes" in limit and not FULL:
        commands = {name: commands[name] for name in ("report.html", "plan.csv")}
    for name, command in commands.items():
        script = f"""
            mount -t tmpfs -o {limit} tmpfs {disk} && cd {disk} || exit 77
            echo good > {name}
            {fill}
            TMPDIR={disk if name == "plan.csv" else tmp_path} \\
                {sys.executable} -m planbench {command} >/dev/null 2>{tmp_path}/err
            echo $? >{tmp_path}/code
            cp {name} {tmp_path}/kept
            ls -A >{tmp_path}/left
        """
        subprocess.run(["unshare", "-rm", "sh", "-c", textwrap.dedent(script)], check=False)
        said = (tmp_path / "err").read_text()
        assert (tmp_path / "code").read_text() == "2\n", (command, said)
        assert said.startswith("error: "), said
        assert said.count("\n") == 1, said
        assert "No space left on device" in said
        assert (tmp_path / "kept").read_text() == "good\n"
        assert not {n for n in (tmp_path / "left").read_text().split() if "planbench" in n}
