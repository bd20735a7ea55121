"""Whatever a program does to the files of its run: a crash or a kill that says so, never worse."""

import json

import pytest

from planbench.measure import watch
from planbench.measure.launch import run_job
from planbench.measure.protocol import Job

MIB = 1 << 20


@pytest.fixture
def run(lp_file, tmp_path):
    """Run a shell script as a solver; ``$1`` is the problem, ``$2`` the solution, ``$J`` the job.

    ``$SAY`` is a right solution file.
    """
    folder = tmp_path / "scratch" / "job"

    def start(script, *, time_limit_s=30.0, memory_limit_bytes=1 << 30):
        folder.mkdir(parents=True)
        file = tmp_path / "solver.sh"
        file.write_text(f'J="{folder}"\nanswer() {{ echo status unknown >"$2"; }}\n{script}\n')
        return run_job(
            Job(str(lp_file), f"cmd:sh {file} {{mps}} {{sol}}", str(folder)),
            time_limit_s=time_limit_s,
            memory_limit_bytes=memory_limit_bytes,
            shape=(2, 3),
        )

    return start


def one_line(result):
    return result.message and "\n" not in result.message


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("kill -SEGV $$", "sh died of SIGSEGV: it said nothing"),
        ("echo no licence >&2; kill -9 $$", "sh died of SIGKILL: no licence"),
        ("echo 'MemoryError: too large' >&2; exit 1", "sh ended with code 1: MemoryError: too la"),
        ("exit 3", "ended with code 3"),
        ("true", "wrote no {sol} file"),
        ('echo x >"$2"', "is not 'name value'"),
        ('mkfifo "$2"', "{sol} file cannot be read"),
        ('ln -s /dev/zero "$2"', "{sol} file cannot be read"),
        ('mkdir "$2"', "{sol} file cannot be read"),
        ('head -c 80000000 /dev/zero >"$2"', "{sol} file has 76 MiB; 5 names"),
        ('echo "iterations $(head -c 5000 /dev/zero | tr "\\\\0" 9)" >"$2"', "no count"),
    ],
)
def test_a_program_that_dies_or_leaves_nothing_to_read_has_crashed(run, script, says):
    """Not a refusal, with which a suite goes on as if nothing had been found."""
    result = run(script)
    assert result.ended == "crash", result.message
    assert says in result.message
    assert one_line(result)


def test_a_program_killed_for_want_of_memory_did_not_crash(run, monkeypatch):
    """Only the kernel's count tells its SIGKILL from anybody's."""
    kills = iter((3, 4))
    monkeypatch.setattr("planbench.measure.launch.kernel_oom_kills", lambda: next(kills))
    result = run("kill -9 $$")
    assert result.ended == "memory"
    assert "SIGKILL" in result.message


@pytest.mark.parametrize("where", ["", ">&2"])
def test_the_limit_on_logs_holds_for_both_streams(run, monkeypatch, where):
    """Standard error had been read into memory in one piece, and the run called ``memory``."""
    monkeypatch.setattr(watch, "LOG_LIMIT_BYTES", 20 * MIB)
    result = run(f"yes {where}", memory_limit_bytes=200 * MIB)
    assert result.ended == "killed", result.message
    assert "wrote more than 20 MiB log" in result.message


@pytest.mark.parametrize("script", ["yes {0} >&2; exit 0".replace("{0}", "x" * 50), "kill -9 $$"])
def test_standard_error_is_in_the_log(run, monkeypatch, script):
    """Also of a run that was killed, where it had been lost."""
    monkeypatch.setattr(watch, "LOG_LIMIT_BYTES", MIB)
    result = run(f"echo to error >&2; echo to output; {script}")
    assert result.log.read_text().startswith("to error\nto output\n")


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ('yes >"$2"', "wrote more than 20 MiB of files"),
        ('yes >"$TMPDIR/x"', "wrote more than 20 MiB of files"),
        (
            'mkdir "$J/d"; i=0; while yes | head -c 1000000 >"$J/d/$i"; do i=$((i + 1)); done',
            "20 MiB of files",
        ),
        ('while : >"$J/$((i += 1))"; do :; done', "made more than 200 files"),
        ('yes | head -c 30000000 >"$J/x"; answer "$@"', "wrote more than 20 MiB of files"),
    ],
)
def test_the_folder_of_a_run_has_limits(run, monkeypatch, script, says):
    """On bytes and on files, also where they were written between two samples."""
    monkeypatch.setattr(watch, "FOLDER_LIMIT_BYTES", 20 * MIB)
    monkeypatch.setattr(watch, "FOLDER_LIMIT_FACTOR", 0)
    monkeypatch.setattr(watch, "FOLDER_LIMIT_FILES", 200)
    result = run(script)
    assert result.ended == "killed", result.message
    assert says in result.message


def test_the_kernel_stops_a_file_that_the_looks_missed(run, monkeypatch):
    monkeypatch.setattr(watch, "FOLDER_LIMIT_BYTES", 20 * MIB)
    monkeypatch.setattr(watch, "FOLDER_LIMIT_FACTOR", 0)
    monkeypatch.setattr(watch, "COUNT_S", 1000.0)
    monkeypatch.setattr("planbench.measure.launch.FILE_LIMIT_EXTRA", 20 * MIB)
    result = run('yes >"$J/x"')
    assert result.ended == "killed", result.message
    assert "wrote more than 20 MiB of files" in result.message
    assert (result.log.parent / "x").stat().st_size <= 40 * MIB


@pytest.mark.parametrize("put", ["", 'mkfifo "$J/log.txt"', 'mkdir "$J/log.txt"', ": >$J/log.txt"])
def test_a_deleted_log_is_still_the_log(run, put):
    """It was said before, and whoever reads it must not wait for a pipe."""
    result = run(f'echo said >&2; rm "$J/log.txt"; {put}\nanswer "$@"')
    assert result.ended == "ok", result.message
    assert result.log.read_text() == "said\n"


@pytest.mark.parametrize("what", ['"$J"', '"$J/.."', '"$J/phases.jsonl"', '"$TMPDIR"'])
def test_removing_the_files_of_a_run_is_a_crash_of_its_own(run, what):
    """It is not a full disk, which would stop the whole suite."""
    result = run(f'rm -rf {what}; answer "$@"; exit 1')
    assert result.ended == "crash", result.message
    assert one_line(result)
    assert result.log.exists()


FACTS = {
    "claim": "optimal", "objective": 1.0, "native_status": "", "iterations": {},
    "hit_limit": False, "version": "", "method_run": "", "threads_used": None, "options": {},
    "notes": [],
}  # fmt: skip


@pytest.mark.parametrize(
    "result",
    [
        {"failed": "bananas", "message": "x"},
        {"failed": "crash", "message": 3},
        {"failed": ["crash"]},
        {"solution": None},
        {"solution": {}},
        {"solution": FACTS},
        {"solution": FACTS | {"claim": "nonsense"}},
        {"solution": FACTS | {"iterations": {"simplex": -1}}},
        {"solution": FACTS | {"iterations": {"simplex": 1e400}}},
        {"solution": FACTS | {"options": {"a": [1]}}},
        {"solution": FACTS | {"objective": 10**400}},
        {"solution": FACTS | {"notes": 3}},
    ],
)
def test_a_forged_result_is_a_crash(run, tmp_path, result):
    """The worker is killed, so that what the program wrote in its place is what there is."""
    said = '{"event": "handed-back", "at": \'"$(cut -d" " -f1 /proc/uptime)"\'}'
    (tmp_path / "forged").write_text(json.dumps({"protocol": 1, **result}))
    found = run(
        f"cp {tmp_path}/forged $J/result.json; echo '{said}' >>$J/phases.jsonl; kill -9 $PPID"
    )
    assert found.ended == "crash", found.message
    assert one_line(found)


@pytest.mark.parametrize("what", ["mkdir", "mkfifo", "ln -s /dev/zero"])
def test_a_result_that_is_no_file_hangs_nobody(run, what):
    result = run(f'{what} $J/result.json; answer "$@"')
    assert result.ended in ("ok", "crash")
    assert one_line(result) or result.ended == "ok"


@pytest.mark.parametrize(
    "line",
    [
        "[[[",
        '{"event": "handed-back", "at": 1.0}',
        '{"event": "end"}',
        '{"event": "pass", "seconds": NaN}',
        '{"event": "x", "at": 1}',
        '{"event": "start", "name": "solve", "solving": true, "at": -1e999}',
        "[" * 100_000,
    ],
)
def test_phases_that_no_worker_writes_are_a_crash(run, tmp_path, line):
    """They ended the whole suite as those of a worker that is too old."""
    (tmp_path / "forged").write_text(line + "\n")
    result = run(f'cat {tmp_path}/forged >>$J/phases.jsonl; answer "$@"')
    assert result.ended == "crash", result.message
    assert "phases.jsonl holds what no worker writes" in result.message


def test_phases_without_end_are_a_crash(run, tmp_path):
    """A line of a gigabyte, or millions of them, must not be read into the parent."""
    result = run('yes "[" | head -c 300000000 | tr -d "\\n" >>$J/phases.jsonl; answer "$@"')
    assert result.ended == "crash", result.message
