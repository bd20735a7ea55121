"""No completed measurement is lost, none is half written, and two writers are refused."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from planbench.errors import InputError, PlanbenchError
from planbench.records import store as store_module
from planbench.records.schema import InstanceFacts, PhaseCost, Record
from planbench.records.store import RecordStore, read_records, to_line


def record(number=0, **more):
    facts = {
        "key": f"key-{number}",
        "repeat": number,
        "started_at": "2026-01-01T00:00:00+00:00",
        "instance": InstanceFacts(name="tiny", sha256="0" * 64, rows=1, columns=1, nonzeros=1),
        "solver": "highs-ds",
        "ended": "ok",
        "phases": [PhaseCost(name="solve", wall_s=0.1 + 0.2, cpu_s=0.1, peak_bytes=5)],
    }
    return Record(**{**facts, **more})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results" / "r.jsonl"


def written(path, count):
    with RecordStore(path) as store:
        for number in range(count):
            store.append(record(number))
    return path


def test_rows_come_back_as_they_were(path):
    rows = [record(0), record(1, notes=["Ärger\u2028\nzwei", "日本"], native_options={"a": "inf"})]
    with RecordStore(path) as store:
        for row in rows:
            store.append(row)
    assert read_records(path) == rows
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2


def test_a_link_to_the_file_is_the_same_file(path, tmp_path):
    """Two runs on two names of one file would write into each other's rows."""
    written(path, 1)
    link = tmp_path / "link.jsonl"
    link.symlink_to(path)
    with RecordStore(path), pytest.raises(InputError, match="another planbench"):
        RecordStore(link)


def test_a_second_session_appends(path):
    written(path, 2)
    with RecordStore(path) as store:
        assert len(store.records) == 2
        assert store.repaired is None
        store.append(record(2))
    assert [r.repeat for r in read_records(path)] == [0, 1, 2]


def test_two_writers_are_refused(path):
    """Interleaved rows of two runs would be charged to each other's machine load."""
    with (
        RecordStore(path),
        pytest.raises(InputError, match=r"r\.jsonl: another planbench is writing to it"),
    ):
        RecordStore(path)
    with RecordStore(path):
        pass


def test_a_second_process_is_refused_and_a_dead_one_is_not_waited_for(path):
    script = textwrap.dedent(
        f"""
        import time
        from pathlib import Path
        from planbench.records.store import RecordStore
        with RecordStore(Path({str(path)!r})):
            print("open", flush=True)
            time.sleep(60)
        """
    )
    other = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(InputError, match="another planbench is writing"):
            RecordStore(path)
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    with RecordStore(path):
        pass


def test_reading_while_a_run_writes_is_allowed(path):
    with RecordStore(path) as store:
        store.append(record(0))
        assert len(read_records(path)) == 1


@pytest.mark.parametrize("cut", [1, 2, 50, 200])
def test_a_torn_last_line_is_moved_aside(path, cut):
    """A kill in the middle of a write must cost that row only, and never the next one."""
    written(path, 3)
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    assert len(read_records(path)) == (3 if cut == 1 else 2)
    with RecordStore(path) as store:
        store.append(record(9))
        if cut == 1:
            assert store.repaired == "ended the last line, which was whole"
        else:
            assert "moved a torn last line" in store.repaired
            torn = path.with_name("r.jsonl.torn").read_bytes()
            assert data.endswith(torn[:-1] + data[-cut:])
    assert [r.repeat for r in read_records(path)] == ([0, 1, 2, 9] if cut == 1 else [0, 1, 9])


def test_a_file_that_is_one_torn_line_is_repaired(path):
    path.parent.mkdir()
    path.write_bytes(b'{"schema_version": 1, "key": "x' + b"y" * 200_000)
    assert read_records(path) == []
    with RecordStore(path) as store:
        assert store.records == ()
    assert path.read_bytes() == b""


def test_every_cut_of_the_file_leaves_whole_rows(path):
    """Whatever byte a kill stops at, the file opens and holds the rows before it."""
    written(path, 2)
    data = path.read_bytes()
    first = data.index(b"\n") + 1
    for cut in range(0, len(data), 7):
        path.write_bytes(data[:cut])
        with RecordStore(path) as store:
            complete = (cut >= first - 1) + (cut >= len(data) - 1)
            assert len(store.records) == complete


def test_a_full_disk_is_said_and_the_file_stays_whole(path, monkeypatch):
    written(path, 1)
    whole = path.read_bytes()
    real_write = os.write

    def half_then_full(file, data):
        if len(data) > 100:
            return real_write(file, data[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with RecordStore(path) as store:
        monkeypatch.setattr(store_module.os, "write", half_then_full)
        long = record(1)
        # The last bytes of the row find no room.
        with pytest.raises(PlanbenchError, match=r"No space left on device.*make room"):
            store.append(long)
        monkeypatch.setattr(store_module.os, "write", real_write)
        assert path.read_bytes() == whole
        store.append(long)
    assert len(read_records(path)) == 2


def test_a_size_limit_of_the_system_leaves_the_file_whole(path):
    """The same with a limit the kernel enforces, in a process of its own."""
    script = textwrap.dedent(
        f"""
        import resource, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from planbench.errors import PlanbenchError
        from planbench.records.store import RecordStore
        from test_store import record
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
        with RecordStore(Path({str(path)!r})) as store:
            try:
                for number in range(100):
                    store.append(record(number))
            except PlanbenchError as error:
                print(number, error)
        """
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    assert "File too large" in out.stdout
    rows = read_records(path)
    assert len(rows) == int(out.stdout.split()[0]) > 0
    assert path.stat().st_size <= 5000
    assert path.read_bytes().endswith(b"}\n")


def test_an_interrupt_while_a_row_is_written_does_not_lose_it(path, monkeypatch):
    """Ctrl-C may come at any moment; a measurement that is complete must be kept."""
    real_fsync, real_write = os.fsync, os.write
    raised = []

    def write_and_interrupt(file, data):
        written = real_write(file, data[: max(1, len(data) // 2)])
        if not raised:
            raised.append(written)
            raise KeyboardInterrupt
        return written

    with RecordStore(path) as store:
        monkeypatch.setattr(store_module.os, "write", write_and_interrupt)
        monkeypatch.setattr(store_module.os, "fsync", real_fsync)
        with pytest.raises(KeyboardInterrupt):
            store.append(record(7))
    assert [r.repeat for r in read_records(path)] == [7]


def test_rows_of_a_newer_planbench_are_refused(path):
    written(path, 1)
    row = json.loads(path.read_text())
    row |= {"schema_version": 99, "joules": 5}
    path.write_text(path.read_text() + json.dumps(row) + "\n")
    with pytest.raises(InputError, match=r"r\.jsonl:2: written by a newer planbench \(schema 99"):
        read_records(path)
    with pytest.raises(InputError, match="upgrade planbench"):
        RecordStore(path)
    # A refused store is released again.
    path.write_text("")
    with RecordStore(path):
        pass


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nonsense", r":2: not a JSON row"),
        ('{"schema_version": 1, "wall_s": NaN}', r":2: not a JSON row \(NaN is not a JSON number"),
        ("[1, 2]", r":2: not a planbench record"),
        ("{}", r":2: not a planbench record: it has no schema_version"),
        ('{"schema_version": "1"}', r":2: not a planbench record"),
        ("[" * 100_000, r":2: not a JSON row"),
    ],
)
def test_bad_rows_name_file_and_line(path, line, words):
    written(path, 1)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(InputError, match=words) as caught:
        read_records(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ended": "fine"}, "field ended:"),
        ({"colour": 1}, "field colour:"),
        ({"phases": [{"name": "solve"}]}, "field phases.0.wall_s:"),
        ({"wall_s": "fast"}, "field wall_s: .*; correct or remove the line"),
    ],
)
def test_bad_fields_are_named(path, change, words):
    written(path, 1)
    row = json.loads(path.read_text()) | change
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(InputError, match=words):
        read_records(path)


def test_missing_and_unreadable_files_are_said(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_records(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="is a folder"):
        read_records(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write it: (File exists|Not a directory)"):
        RecordStore(tmp_path / "file" / "r.jsonl")
    folder = tmp_path / "r.jsonl"
    folder.mkdir()
    with pytest.raises(InputError, match="is a folder"):
        RecordStore(folder)


def test_numbers_json_does_not_have_are_never_written():
    with pytest.raises(PlanbenchError, match="highs-ds on tiny cannot be stored"):
        to_line(record(native_options={"limit": float("inf")}))


def test_a_closed_store_refuses_rows(path):
    store = RecordStore(path)
    store.close()
    store.close()
    with pytest.raises(PlanbenchError, match="closed"):
        store.append(record())


WRITER = """
    import sys
    sys.path.insert(0, {folder!r})
    from pathlib import Path
    from planbench.records.store import RecordStore
    from test_store import record
    with RecordStore(Path({path!r})) as store:
        start = len(store.records)
        for number in range(start, 100_000):
            store.append(record(number))
            print(number, flush=True)
"""


@pytest.mark.slow
def test_kills_at_random_moments_lose_no_row(path):
    """What was reported as written is there after kill -9, in order, without gaps."""
    rng = random.Random(20)
    script = textwrap.dedent(WRITER.format(folder=str(Path(__file__).parent), path=str(path)))
    for _ in range(12):
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
        said = process.stdout.read().split()
        process.wait()
        process.stdout.close()
        rows = [r.repeat for r in read_records(path)]
        assert rows == list(range(len(rows)))
        if said:
            assert len(rows) > int(said[-1])
