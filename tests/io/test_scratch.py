"""Temporary folders go when their run ends, also when it was killed; nobody else's ever do."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from planbench.errors import InputError
from planbench.io import scratch
from planbench.io.scratch import PREFIX, clear_left_behind, scratch_folder

OWNER = """
    import time
    from planbench.io.scratch import scratch_folder
    with scratch_folder() as folder:
        (folder / "instance.npz").write_bytes(b"x" * 1000)
        print(folder, flush=True)
        time.sleep(60)
"""


@pytest.fixture
def owner(tmp_path, monkeypatch):
    """Start a process that holds a scratch folder below ``tmp_path``."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(scratch.tempfile, "tempdir", None)
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(OWNER)], stdout=subprocess.PIPE, text=True
    )
    folder = tmp_path / process.stdout.readline().strip().rpartition("/")[2]
    yield process, folder
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_folder_goes_with_its_block(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch.tempfile, "tempdir", str(tmp_path))
    with scratch_folder() as folder:
        assert folder.parent == tmp_path
        (folder / "deep").mkdir()
    assert list(tmp_path.iterdir()) == []


def test_a_later_run_removes_what_a_kill_left_behind(owner):
    process, folder = owner
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (folder / "instance.npz").exists()
    with scratch_folder() as mine:
        assert not folder.exists()
        assert mine.is_dir()


def test_a_folder_in_use_stays(owner):
    """Removing it would take the instance from under a run going on."""
    _, folder = owner
    assert clear_left_behind() == []
    assert (folder / "instance.npz").exists()


def test_folders_that_are_not_ours_stay(tmp_path):
    """By name, a link, or a file."""
    for name in ("other-x", "planbench-results", "target"):
        (tmp_path / name).mkdir()
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "target")
    (tmp_path / f"{PREFIX}file").write_text("")
    before = sorted(p.name for p in tmp_path.iterdir())
    assert clear_left_behind(tmp_path) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == before
    assert clear_left_behind(tmp_path / "none") == []


def test_folders_of_another_user_stay(tmp_path, monkeypatch):
    theirs = tmp_path / f"{PREFIX}theirs"
    theirs.mkdir()
    real = scratch.os.getuid()
    monkeypatch.setattr(scratch.os, "getuid", lambda: real + 1)
    assert clear_left_behind(tmp_path) == []
    monkeypatch.setattr(scratch.os, "getuid", lambda: real)
    assert clear_left_behind(tmp_path) == [theirs]


def test_a_folder_cleared_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch.tempfile, "tempdir", str(tmp_path))
    real, taken = scratch.fcntl.flock, []

    def flock(descriptor, how):
        if not taken:
            taken.extend(tmp_path.iterdir())
            taken[0].rmdir()
        real(descriptor, how)

    monkeypatch.setattr(scratch.fcntl, "flock", flock)
    with scratch_folder() as folder:
        assert folder.is_dir()
        assert folder not in taken


@pytest.mark.slow
def test_the_folder_of_a_killed_run_is_gone_after_the_next(tmp_path):
    """The whole way: ``planbench`` killed with SIGKILL in a solve, then run again."""
    command = [sys.executable, "-m", "planbench", "solve", "kantorovich-lathes"]
    environment = {**scratch.os.environ, "TMPDIR": str(tmp_path)}
    slow = subprocess.Popen(
        [*command, "--solver", "cmd:'sh -c \"sleep 60\" {mps} {sol}'", "--time-limit", "60"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 30
    while not list(tmp_path.glob("planbench-*/job/phases.jsonl")) and time.monotonic() < until:
        time.sleep(0.02)
    slow.kill()
    slow.wait()
    assert len(list(tmp_path.glob("planbench-*"))) == 1
    subprocess.run(
        [*command, "--solver", "null"], env=environment, check=False, stdout=subprocess.DEVNULL
    )
    assert list(tmp_path.glob("planbench-*")) == []


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    """TMPDIR without free inodes gave a traceback."""

    def full(**_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(scratch.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(scratch.tempfile, "mkdtemp", full)
    with pytest.raises(InputError, match=f"{tmp_path}: no temporary folder.*No space left.*TMPDIR"):
        scratch_folder().__enter__()
    assert list(tmp_path.iterdir()) == []
