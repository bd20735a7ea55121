"""The command as a shell sees it: help, completion, pipes, interrupts, imports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.command_line import planbench

from planbench import __version__
from planbench.cli import completion
from planbench.cli.main import app, run

COMMANDS = (
    *("instances", "solvers", "suites", "info", "solve", "verify"),
    *("compare", "bench", "ab", "bisect", "selftest", "report", "regress", "history"),
    *("scaling", "study", "generate", "import", "fetch", "calibrate", "disaggregate", "export"),
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
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    assert run([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert "Examples" in shown
    # Every example names the command it explains, or one it leads to.
    assert f"planbench {command}" in shown


@pytest.mark.parametrize("arguments", [["--help"], ["solve", "--help"], ["bench", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from planbench.cli.main import run; "
        f"assert run({arguments!r}) == 0; "
        "heavy = {'numpy', 'scipy', 'psutil', 'highspy', 'altair', 'pulp'}; "
        "print(*sorted(heavy & set(sys.modules)), file=sys.stderr, end='')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == ("", 0)


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
    assert completion.instance_names("leontief-") == ["leontief-1000", "leontief-3"]
    assert [name for name, _ in completion.solver_names("highs-d")] == ["highs-ds"]
    assert "highs-ds:stock" in [name for name, _ in completion.solver_names("highs-ds:")]
    assert [name for name, _ in completion.solver_lists("glop,al")] == ["glop,all"]
    assert "quick" in completion.suite_names("q")


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


@pytest.mark.alone
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


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    import planbench.catalogue.builtin as builtin

    def broken() -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(builtin, "list_builtin", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        run(["instances"])


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
    assert {command.name for command in app.registered_commands} == set(COMMANDS)
    for name in COMMANDS:
        assert run([name, "--help"]) == 0
        assert "--json" in capsys.readouterr().out, name
