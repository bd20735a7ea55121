"""The GitHub action: its file is sound, and its shell steps do what docs/ci.md says."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from pins import find_requirement
from support.command_line import planbench

from planbench.comparison.sides import parse_side
from planbench.records.store import read_records, to_line

ROOT = Path(__file__).parents[2]
ACTION = (ROOT / "action.yml").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^( *)- name: (.+?)\n((?:\1 .*\n|\n)+)", re.MULTILINE)

pytestmark = pytest.mark.skipif(
    shutil.which("bash") is None or shutil.which("git") is None, reason="needs bash and git"
)


def script(step: str) -> str:
    """Shell text of a step."""
    body = next(body for _, name, body in BLOCK.findall(ACTION) if name == step)
    text = body.partition("run: |\n")[2]
    assert text, f"step {step} has no script"
    return textwrap.dedent(text)


def git(folder: Path, *arguments: str) -> str:
    """Run git in a repository that nothing outside configures."""
    clean = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **{
            f"GIT_{who}_{what}": "a@b.example"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    clean.pop("GIT_DIR", None)
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=clean, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project whose last commit raised the pin of a solver."""
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q")
    for version in ("1.13.1", "1.15.1"):
        (folder / "requirements.txt").write_text(
            f"numpy>=2\nhighspy-extras==9.9.9\n highspy == {version} ; python_version > '3'\n"
        )
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", version)
    return folder


def run_step(
    step: str, folder: Path, tmp_path: Path, **environment: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, str], str]:
    """Run a step as GitHub does; also its outputs and the job's summary."""
    output, summary = tmp_path / "output", tmp_path / "summary"
    for path in (output, summary):
        path.write_text("")
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script(step)],
        cwd=folder,
        env={
            **os.environ,
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            "RUNNER_TEMP": str(tmp_path),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
    return done, outputs, summary.read_text()


NOTHING = {
    "SIDE_A": "", "SIDE_B": "", "BASE": "", "PINS": "", "PACKAGE": "highspy", "ACTION": str(ROOT),
}  # fmt: skip


def test_the_pins_of_base_and_head_are_the_two_sides(project: Path, tmp_path: Path) -> None:
    done, outputs, _ = run_step(
        "Find the two sides",
        project,
        tmp_path,
        **NOTHING | {"BASE": git(project, "rev-parse", "HEAD~1"), "PINS": "requirements.txt"},
    )
    assert done.returncode == 0, done
    assert outputs == {"a": "highspy==1.13.1", "b": "highspy==1.15.1", "changed": "true"}


def test_equal_pins_end_the_job_green_and_say_so(project: Path, tmp_path: Path) -> None:
    done, outputs, summary = run_step(
        "Find the two sides",
        project,
        tmp_path,
        **NOTHING | {"BASE": git(project, "rev-parse", "HEAD"), "PINS": "requirements.txt"},
    )
    assert done.returncode == 0
    assert "changed" not in outputs
    assert "nothing to compare" in summary


def test_a_checkout_of_planbench_compares_its_commits(project: Path, tmp_path: Path) -> None:
    (project / "planbench").mkdir()
    base, head = (git(project, "rev-parse", r) for r in ("HEAD~1", "HEAD"))
    _, outputs, _ = run_step("Find the two sides", project, tmp_path, **NOTHING | {"BASE": base})
    assert (outputs["a"], outputs["b"]) == (f"git:{base}", f"git:{head}")


def test_sides_that_are_given_are_taken(project: Path, tmp_path: Path) -> None:
    _, outputs, _ = run_step(
        "Find the two sides", project, tmp_path, **NOTHING | {"SIDE_B": "presolve=off"}
    )
    assert (outputs["a"], outputs["b"]) == ("here", "presolve=off")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "no base"),
        ({"BASE": "0" * 40}, "fetch-depth: 0"),
        ({"BASE": "HEAD"}, "no checkout of planbench"),
        ({"BASE": "HEAD", "PINS": "none.txt"}, "no file none.txt"),
        ({"BASE": "HEAD", "PINS": "requirements.txt", "PACKAGE": "ortools"}, "not require ortools"),
    ],
)
def test_what_cannot_be_compared_fails_with_the_mend(
    project: Path, tmp_path: Path, given: dict[str, str], words: str
) -> None:
    done, _, _ = run_step("Find the two sides", project, tmp_path, **NOTHING | given)
    assert done.returncode == 2
    assert "::error::" in done.stdout
    assert words in done.stdout


COMPARE = {
    "SIDE_A": "highspy==1.13.1",
    "SIDE_B": "highspy==1.15.1",
    "INSTANCES": "model.mps us-bea-71",
    "SUITE": "",
    "SOLVERS": "highs-ds,highs-ipm",
    "BUDGET": "5min",
    "LEAST_EFFECT": "10%",
    "UNDECIDED": "pass",
}


@pytest.mark.parametrize(
    ("before", "now", "file", "sides"),
    [
        ("highspy>=1.13", "highspy>=1.14,<2", "requirements.txt", (">=1.13", ">=1.14,<2")),
        (
            "highspy==1.13.1 # why",
            "highspy==1.14.0 --hash=sha256:0",
            "r.txt",
            ("==1.13.1", "==1.14.0"),
        ),
        (
            '[project]\ndependencies = ["numpy", "highspy>=1.13"]',
            '[project]\ndependencies = ["numpy", "highspy >= 1.14"]',
            "pyproject.toml",
            (">=1.13", ">=1.14"),
        ),
        (
            '[[package]]\nname = "highspy"\nversion = "1.13.1"',
            '[[package]]\nname = "highspy"\nversion = "1.14.0"\ndependencies = [{name = "numpy"}]',
            "uv.lock",
            ("==1.13.1", "==1.14.0"),
        ),
    ],
)
def test_any_file_that_requires_the_package_is_read(
    tmp_path: Path, before: str, now: str, file: str, sides: tuple[str, str]
) -> None:
    """Most projects state a range in pyproject.toml; that is no error."""
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q")
    for text in (before, now):
        (folder / file).write_text(text + "\n")
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", "pin")
    base = git(folder, "rev-parse", "HEAD~1")
    done, outputs, _ = run_step(
        "Find the two sides", folder, tmp_path, **NOTHING | {"BASE": base, "PINS": file}
    )
    assert done.returncode == 0, done
    assert (outputs["a"], outputs["b"]) == tuple(f"highspy{side}" for side in sides)
    for side in sides:
        parse_side(f"highspy{side}")


@pytest.mark.parametrize(
    ("text", "file", "words"),
    [
        (
            "highspy==1.13\nhighspy==1.14\n",
            "r.txt",
            "more than once (highspy==1.13; highspy==1.14)",
        ),
        ("highspy-extras==1.13\n", "r.txt", "does not require highspy"),
        ("[project\n", "pyproject.toml", "is no TOML"),
    ],
)
def test_a_requirement_that_is_not_clear_is_refused(text: str, file: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        find_requirement(text, file, "highspy")


def compare(
    tmp_path: Path,
    code: int,
    *,
    report: bool = True,
    words: str = "the report",
    says: str = "",
    **given: str,
) -> tuple[subprocess.CompletedProcess[str], dict[str, str], str, list[str]]:
    """Run the step with a planbench that ends with `code` and notes what it was asked."""
    programs = tmp_path / "bin"
    programs.mkdir()
    told = tmp_path / "told"
    program = programs / "planbench"
    lines = ["#!/usr/bin/env bash", f'printf "%s\\n" "$@" > "{told}"']
    lines += [f'echo "{words}" > "{tmp_path}/planbench.md"'] if report else []
    lines += [f'echo "{says}" >&2']
    program.write_text("\n".join([*lines, f"exit {code}\n"]))
    program.chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    done, outputs, summary = run_step("Compare", tmp_path, tmp_path, **COMPARE | given, PATH=path)
    return done, outputs, summary, told.read_text().splitlines()


@pytest.mark.parametrize(
    ("code", "undecided", "ends"), [(0, "pass", 0), (1, "pass", 1), (2, "pass", 0), (2, "fail", 2)]
)
def test_the_job_ends_as_the_comparison_did(
    tmp_path: Path, code: int, undecided: str, ends: int
) -> None:
    done, outputs, summary, asked = compare(tmp_path, code, UNDECIDED=undecided)
    assert done.returncode == ends, done
    assert summary == "the report\n"
    assert outputs["exit-code"] == str(code)
    assert asked[0] == "ab"
    assert asked[-2:] == ["model.mps", "us-bea-71"]
    assert [b for a, b in itertools.pairwise(asked) if a == "--solver"] == [
        "highs-ds",
        "highs-ipm",
    ]
    assert "--suite" not in asked


def test_a_comparison_without_a_report_is_no_success(tmp_path: Path) -> None:
    """Bad input also ends with exit code 2, and must not pass as undecided."""
    done, _, _, _ = compare(tmp_path, 2, report=False)
    assert done.returncode == 2
    assert "compared nothing" in done.stdout


def test_a_comparison_of_nothing_is_no_success(tmp_path: Path) -> None:
    from planbench.comparison.ab import PairedComparison, Settings
    from planbench.comparison.findings import comparison_to_markdown
    from planbench.comparison.paired import Measurement, PairedResult

    nothing = (PairedResult(Measurement("tiny", "highs-ds"), "unclear", "outcomes", pairs=1),)
    found = PairedComparison(
        a="highspy==1.10.0", b="here", environments=("", ""), versions=({}, {}),
        settings=Settings(), results=nothing, pairs_made=1, pairs_found=0,
        elapsed_s=1.0, budget_spent=False, store=tmp_path / "ab.jsonl", repaired=None,
    )  # fmt: skip
    assert found.exit_code == 2
    first = comparison_to_markdown(found.comparison).splitlines()[0]
    done, _, _, _ = compare(tmp_path, 2, words=first)
    assert done.returncode == 2
    assert "could not compare" in done.stdout


def test_two_ranges_that_mean_one_release_are_no_failure(tmp_path: Path) -> None:
    """Raising a lower bound below the newest release changes nothing that could be slower."""
    line = "error: ab: highspy>=1.13 and highspy>=1.14 are the same: highspy 1.16.0; nothing"
    done, outputs, summary, _ = compare(tmp_path, 2, report=False, says=line)
    assert done.returncode == 0, done
    assert "nothing to compare" in summary
    assert "exit-code" not in outputs
    assert line in done.stderr


def test_a_list_may_have_one_item_a_line(tmp_path: Path) -> None:
    given = {"INSTANCES": "model.mps\nus-bea-71\n", "SOLVERS": "highs-ds\nhighs-ipm\n"}
    _, _, _, asked = compare(tmp_path, 0, **given)
    assert asked[-2:] == ["model.mps", "us-bea-71"]
    assert [b for a, b in itertools.pairwise(asked) if a == "--solver"] == ["highs-ds", "highs-ipm"]


def test_a_misspelt_input_is_no_pass(tmp_path: Path) -> None:
    done, _, _ = run_step("Compare", tmp_path, tmp_path, **COMPARE | {"UNDECIDED": "failure"})
    assert done.returncode == 2
    assert "give pass or fail" in done.stdout


def test_the_command_knows_every_option_the_action_gives(tmp_path: Path) -> None:
    _, _, _, asked = compare(tmp_path, 0, SUITE="smoke")
    told = planbench("ab", "--help", columns=160).out
    for option in asked:
        if option.startswith("--"):
            assert option in told


def test_no_input_is_pasted_into_a_script() -> None:
    """Text of a pull request in ``${{ }}`` within a script would be run as a command."""
    names = [name for _, name, _ in BLOCK.findall(ACTION)]
    assert names == ["Find the two sides", "Install planbench", "Compare", "Keep the measurements"]
    for name in names[:3]:
        assert "${{" not in script(name)


def test_the_page_on_ci_names_every_input() -> None:
    section = ACTION.partition("inputs:\n")[2].partition("\noutputs:\n")[0]
    inputs = re.findall(r"^  ([a-z-]+):$", section, re.MULTILINE)
    assert len(inputs) == 13
    for name in inputs:
        assert f"| `{name}` |" in PAGE


def test_the_files_are_yaml() -> None:
    yaml = pytest.importorskip("yaml")
    action = yaml.safe_load(ACTION)
    assert action["runs"]["using"] == "composite"
    assert set(action["outputs"]) == {"exit-code", "report", "results"}
    for step in action["runs"]["steps"]:
        assert ("run" in step) == ("shell" in step)
    for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL):
        workflow = yaml.safe_load(text)
        assert workflow["jobs"]


# -- the commands of the page ----------------------------------------------------------------

UV = """#!/usr/bin/env bash
# Stands in for uv: an environment is this Python, where highspy says it is the version asked for.
set -eu
folder="${@: -1}"
if [ "$1" = venv ]; then
  mkdir -p "$folder/bin"
  printf '#!/bin/sh\\nPYTHONPATH="%s:$PYTHONPATH" exec "%s" "$@"\\n' \\
    "$folder/site" "$REAL" > "$folder/bin/python"
  chmod +x "$folder/bin/python"
else
  for word in "$@"; do
    case "$word" in
      highspy==*) version=${word#highspy==} ;;
      */bin/python) folder=${word%/bin/python} ;;
    esac
  done
  info="$folder/site/highspy-$version.dist-info"
  mkdir -p "$info"
  printf 'Metadata-Version: 2.1\\nName: highspy\\nVersion: %s\\n' "$version" > "$info/METADATA"
  printf 'highspy/__init__.py,sha256=%s,1\\n' "$version" > "$info/RECORD"
fi
"""


@pytest.mark.slow
def test_the_commands_of_the_page_do_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its second form ended with 2 on the upgrade that the page is about."""
    commands = [
        shlex.split(line) for line in re.findall(r"^    (planbench .+)$", PAGE, re.MULTILINE)
    ]
    assert [c[1] for c in commands] == ["ab", "bench", "regress"]
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "uv").write_text(UV)
    (programs / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("REAL", sys.executable)
    monkeypatch.setenv("PLANBENCH_CACHE", str(tmp_path / "cache"))
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    (project / "baselines").mkdir()
    made = planbench("generate", "gen:goods=20,seed=1", "-o", "models/plan.mps.gz", folder=project)
    assert made.code == 0, made.err
    (toml,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (project / "mine.toml").write_text(toml)

    ab, bench, regress = commands
    said = planbench(*ab[1:], folder=project)
    assert said.code == 0, said.err
    assert "a: highspy==1.13.1 b: highspy==1.15.1" in " ".join(said.out.split())
    assert "highspy==1.15.1" in (project / "report.md").read_text()

    said = planbench(*bench[1:], folder=project)
    assert said.code == 0, said.err
    rows = read_records(project / "results" / "mine.jsonl")
    older = [
        r.model_copy(
            update={"packages": {**r.packages, "highspy": "1.13.1"}, "solver_version": "1.13.1"}
        )
        for r in rows
    ]
    (project / "baselines" / "mine.jsonl").write_bytes(b"".join(map(to_line, older)))
    said = planbench(*regress[1:], folder=project)
    assert said.code == 0, said.err
