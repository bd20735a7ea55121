"""The command as a shell sees it: help, completion, pipes, interrupts, imports."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.command_line import planbench

from planbench import __version__
from planbench.cli import listings, options
from planbench.cli.main import PANELS, run

COMMANDS = (
    *("instances", "solvers", "suites", "info", "solve", "verify"),
    *("compare", "bench", "ab", "bisect", "report", "regress", "history"),
    *("scaling", "study", "generate", "import", "fetch", "disaggregate", "export"),
)


def test_the_version_is_printed_by_module_and_script() -> None:
    said = planbench("--version")
    assert (said.code, said.out) == (0, f"planbench {__version__}\n")


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    shown = capsys.readouterr().out
    for command in COMMANDS:
        assert command in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_80_columns_and_has_examples(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert "Examples" in shown
    # Every example names the command it explains, or one it leads to.
    assert f"planbench {command}" in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_a_process_of_its_own_says_what_this_one_says(command: str, tmp_path: Path) -> None:
    """Most tests run command lines in their own process, for time; shells start one for each."""
    arguments = (command, "no-such-thing")
    own = planbench(*arguments, folder=tmp_path, process=True)
    assert (own.code, own.out) == (2, "")
    assert own.err.startswith("error: ")
    assert own == planbench(*arguments, folder=tmp_path, process=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["slove"]])
def test_a_command_is_imported_when_it_is_called(arguments: list[str]) -> None:
    code = (
        "import sys; from planbench.cli.main import run; "
        f"run({arguments!r}); "
        "heavy = {'numpy', 'scipy', 'psutil', 'highspy', 'altair', 'pulp'}; "
        "print('imported:', *sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported:"


def test_the_shell_completes_commands_options_and_names() -> None:
    def completed(words: str) -> list[str]:
        environment = {
            **os.environ,
            "_PLANBENCH_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        }
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "from planbench.cli.main import app; app(prog_name='planbench')",
            ],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.split()

    assert completed("planbench ver") == ["verify"]
    assert completed("planbench solve us-bea-") == ["us-bea-15", "us-bea-71"]
    assert completed("planbench generate --techn") == ["--techniques"]


def test_names_complete_in_lists_and_with_stock() -> None:
    assert options.instance_names("leontief-") == ["leontief-1000", "leontief-3"]
    assert [name for name, _ in options.solver_names("highs-d")] == ["highs-ds"]
    assert "highs-ds:stock" in [name for name, _ in options.solver_names("highs-ds:")]
    assert [name for name, _ in options.solver_lists("glop,al")] == ["glop,all"]
    assert "quick" in options.suite_names("q")


def test_a_closed_pipe_ends_quietly() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "planbench", "instances"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert said == b""
    assert process.returncode == 141


def _interrupted(process: subprocess.Popen[str], after: str) -> str:
    """Send Ctrl-C once `after` has been said on standard error; what was said in all."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if after in line:
            process.send_signal(signal.SIGINT)
            break
    said += process.stderr.read()
    process.wait(timeout=60)
    return said


@pytest.mark.alone
@pytest.mark.slow
def test_ctrl_c_keeps_what_is_measured_and_the_same_command_carries_on(tmp_path: Path) -> None:
    suite = tmp_path / "tiny.toml"
    suite.write_text(
        'name = "tiny"\nbudget_s = 100\ntime_limit_s = 10\nrepeats = 1\nrerun_disturbed = false\n'
        'solvers = ["null"]\ninstances = ["leontief-3", "kantorovich-lathes",'
        ' "kantorovich-plywood", "kantorovich-excavators"]\n'
    )
    arguments = ["bench", str(suite), "--out", str(tmp_path / "t.jsonl"), "--no-report"]
    with subprocess.Popen(
        [sys.executable, "-m", "planbench", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        said = _interrupted(process, "[1/")
    assert process.returncode == 130
    assert "Traceback" not in said
    last = said.splitlines()[-1]
    assert "the same command carries on" in last
    kept = len((tmp_path / "t.jsonl").read_text().splitlines())
    assert f"{kept} new measurement" in last
    assert 1 <= kept < 4
    again = planbench(*arguments, "--json")
    assert again.code == 0
    document = again.document
    assert (document["skipped"], document["measured"]) == (kept, 4 - kept)


def test_ctrl_c_ends_a_solve_with_130_and_leaves_no_process(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = tmp_path / "sleeper.py"
    script.write_text(
        f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(100)\n"
    )
    solver = f"cmd:{sys.executable} {script} {{mps}} {{sol}}"
    with subprocess.Popen(
        [sys.executable, "-m", "planbench", "solve", "leontief-3", "-s", solver],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not (pid_file.exists() and pid_file.read_text()):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 130
    assert said == "error: interrupted\n"
    pid = int(pid_file.read_text())
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            break
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()


class _Panic(BaseException):
    """As libraries written in Rust raise: no Exception."""


@pytest.mark.parametrize("kind", [RuntimeError, _Panic])
def test_an_error_nobody_foresaw_is_one_line_and_a_file(
    kind: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """Nobody can act on a traceback; who reports it needs the whole of it."""
    import tempfile

    def broken() -> None:
        raise kind("a bug\nof two lines \udcff")

    monkeypatch.setattr(listings, "list_builtin", broken)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert run(["instances", "--json"]) == 70
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert f"{kind.__name__}: a bug of two lines" in said.err
    (file,) = tmp_path.iterdir()
    assert said.err.endswith(f"the details are in {file}\n")
    details = file.read_text()
    assert "planbench 'instances' '--json'" in details
    assert "in broken" in details
    assert __version__ in details


def test_details_that_cannot_be_written_are_no_second_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import tempfile

    monkeypatch.setattr(listings, "list_builtin", lambda: 1 // 0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    assert run(["instances"]) == 70
    assert "ZeroDivisionError" in (said := capsys.readouterr().err)
    assert "could not be written (No such file or directory)" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/tmp/x"), "/tmp/x: .*make room"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files"),
        (MemoryError(), "out of memory"),
    ],
)
def test_what_the_system_lacks_is_no_bug(
    error: Exception,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A disk may be full at any line of the program."""

    def broken() -> None:
        raise error

    monkeypatch.setattr(listings, "list_builtin", broken)
    assert run(["instances"]) == 2
    said = capsys.readouterr().err
    assert re.search(words, said)
    assert said.count("\n") == 1


def test_the_entry_point_imports_nothing_before_it_answers_ctrl_c() -> None:
    import tomllib

    scripts = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert scripts["project"]["scripts"]["planbench"] == "planbench.__main__:main"
    code = "import sys, planbench.__main__; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours = {name for name in done.stdout.split() if name.startswith("planbench")}
    assert ours == {"planbench", "planbench.__main__", "planbench.version"}
    assert not {"typer", "numpy", "rich", "pydantic"} & set(done.stdout.split())


@pytest.mark.parametrize("when", ["planbench.cli.main", "typer.core", "rich.table", "numpy"])
def test_ctrl_c_while_modules_are_imported_is_one_line(when: str) -> None:
    """The first tenths of a second are spent on imports, where Ctrl-C gave a traceback."""
    code = f"""
import importlib.abc, os, signal, sys
class Interrupt(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == {when!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
sys.argv = ["planbench", "info", "leontief-3"]
from planbench.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "error: interrupted\n")


def test_an_import_that_makes_another_error_of_ctrl_c_is_an_interrupt() -> None:
    """Compiled modules turn a KeyboardInterrupt into an ImportError."""
    code = """
import os, signal, sys
sys.argv = ["planbench", "instances"]
import planbench.cli.listings as listings
def broken():
    try:
        os.kill(os.getpid(), signal.SIGINT)
        signal.sigtimedwait([], 0)
    except KeyboardInterrupt:
        raise ImportError("module failed to import") from None
listings.list_builtin = broken
from planbench.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "error: interrupted\n")


def test_messages_of_any_name_are_one_line_of_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info", "no\nsuch\udcff file.npz"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("error: ")


def test_json_turns_what_json_has_no_word_for_into_null(capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    from planbench.cli.console import print_json

    print_json({"a": float("nan"), "b": [np.float64("inf"), np.int32(3)], "c": np.array([1.5])})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 3], "c": [1.5]}


def test_every_command_offers_json(capsys: pytest.CaptureFixture[str]) -> None:
    listed = {name: summary for panel in PANELS.values() for name, summary in panel.items()}
    assert set(listed) == set(COMMANDS)
    for name in COMMANDS:
        assert run([name, "--help"]) == 0
        shown = capsys.readouterr().out
        assert "--json" in shown, name
        assert listed[name] in " ".join(shown.split()), "the list says what the command says"


def test_a_plan_is_written_even_if_nobody_reads_the_results(tmp_path: Path) -> None:
    """`planbench solve … -o plan.npz | head -1` must not lose the plan that was computed."""
    read, write = os.pipe()
    os.close(read)
    plan = tmp_path / "plan.npz"
    command = [sys.executable, "-m", "planbench", "solve", "kantorovich-plywood", "-o", str(plan)]
    subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False, timeout=120)
    os.close(write)
    said = planbench("verify", "kantorovich-plywood", str(plan))
    assert said.code == 0, said.err
