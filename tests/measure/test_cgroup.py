"""A control group is used only where one can be had, and never leaves us where we do not belong.

The kernel's files are stood in for by plain ones: what the kernel does with them is its own.
"""

import os

import pytest

from planbench.measure import cgroup
from planbench.measure.cgroup import MemoryGroup, memory_group

FILES = ("memory.max", "memory.swap.max", "memory.oom.group", "cgroup.procs", "cgroup.kill")


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Stand in for /sys/fs/cgroup, with this process in ``/user/scope``."""

    def group(path, controllers="cpu memory", enabled=""):
        path.mkdir(exist_ok=True)
        (path / "cgroup.controllers").write_text(controllers)
        (path / "cgroup.subtree_control").write_text(enabled)
        (path / "cgroup.procs").write_text("")
        return path

    root = group(tmp_path / "cgroup")
    user = group(root / "user")
    scope = group(user / "scope")
    monkeypatch.setattr(cgroup, "_own", lambda mount: scope)
    made = cgroup.Path.mkdir

    def mkdir(path, *arguments, **named):
        made(path, *arguments, **named)
        for name in FILES:  # as the kernel does
            (path / name).touch()

    monkeypatch.setattr(cgroup.Path, "mkdir", mkdir)
    return root, user, scope


def test_the_limit_is_set_a_little_above_ours(tree):
    """The kernel must not kill before looking from outside, which says why, could."""
    root, _, scope = tree
    (scope / "cgroup.subtree_control").write_text("memory pids")
    group = memory_group(1000 << 20, mount=root)
    assert group.path.parent == scope
    assert int((group.path / "memory.max").read_text()) == 1050 << 20
    assert (group.path / "memory.swap.max").read_text() == "0"
    assert (group.path / "memory.oom.group").read_text() == "1"
    assert group.add(4711)
    assert (group.path / "cgroup.procs").read_text() == "4711"


def test_a_sibling_is_made_where_our_own_group_has_no_children_with_limits(tree):
    root, user, _ = tree
    (user / "cgroup.subtree_control").write_text("memory")
    assert memory_group(1 << 30, mount=root).path.parent == user


def test_alone_in_a_delegated_group_we_step_aside(tree):
    """A group whose children have limits may hold no process of its own."""
    root, _, scope = tree
    (scope / "cgroup.procs").write_text(str(os.getpid()))
    group = memory_group(1 << 30, mount=root)
    assert group.path.parent == scope
    assert (scope / "planbench-self" / "cgroup.procs").read_text() == str(os.getpid())
    assert (scope / "cgroup.subtree_control").read_text() == "+memory"


def test_other_processes_are_not_moved(tree):
    root, _, scope = tree
    (scope / "cgroup.procs").write_text(f"1\n{os.getpid()}\n")
    assert memory_group(1 << 30, mount=root) is None
    assert not (scope / "planbench-self").exists()


def test_without_the_memory_controller_there_is_no_group(tree):
    root, _, scope = tree
    (scope / "cgroup.controllers").write_text("cpu")
    (scope / "cgroup.procs").write_text(str(os.getpid()))
    assert memory_group(1 << 30, mount=root) is None


def test_without_cgroup_v2_there_is_no_group(tmp_path):
    assert memory_group(1 << 30, mount=tmp_path) is None


def test_what_the_kernel_tells_is_read(tmp_path):
    group = MemoryGroup(tmp_path)
    assert group.peak() is None
    assert group.oom_kills() == 0
    (tmp_path / "memory.peak").write_text("123456\n")
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 7\noom 1\noom_kill 2\n")
    assert group.peak() == 123456
    assert group.oom_kills() == 2


def test_an_oom_kill_in_the_group_is_memory(launch, monkeypatch):
    """A worker the kernel killed in its group ran out of memory; it was not killed by a person."""
    monkeypatch.setattr(FakeGroup, "oom_kills", lambda self: 1)
    monkeypatch.setattr("planbench.measure.launch.memory_group", lambda limit: FakeGroup())
    assert launch("kills-itself").ended == "memory"


def test_a_run_in_a_group_records_its_peak(launch, monkeypatch):
    group = FakeGroup()
    monkeypatch.setattr("planbench.measure.launch.memory_group", lambda limit: group)
    result = launch("talks")
    assert result.ended == "ok"
    assert result.cgroup_peak_bytes == 42 << 20
    assert result.memory_method.endswith("; also cgroup memory.peak")
    assert group.did == ["add", "kill", "remove"]


def test_a_group_that_takes_no_process_is_not_used(launch, monkeypatch):
    group = FakeGroup()
    monkeypatch.setattr(FakeGroup, "add", lambda self, pid: False)
    monkeypatch.setattr("planbench.measure.launch.memory_group", lambda limit: group)
    result = launch("talks")
    assert result.cgroup_peak_bytes is None
    assert "cgroup" not in result.memory_method
    assert group.did == ["remove"]


class FakeGroup:
    def __init__(self):
        self.did = []

    def add(self, pid):
        self.did.append("add")
        return True

    def kill(self):
        self.did.append("kill")

    def remove(self):
        self.did.append("remove")

    def peak(self):
        return 42 << 20

    def oom_kills(self):
        return 0
