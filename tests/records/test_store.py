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
import tracemalloc
from pathlib import Path

import pytest
from support.full import FULL

from planbench.errors import InputError, PlanbenchError
from planbench.records import store as store_module
from planbench.records.schema import InstanceFacts, PhaseCost, Record
from planbench.records.store import RecordStore, read_records, repair, to_line

#: Where a process of its own finds this module and what it imports.
FOLDERS = [str(Path(__file__).parents[n]) for n in (0, 1)]


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


def test_names_of_files_that_are_no_text_can_be_stored(path):
    """The measurement was lost with a traceback."""
    with RecordStore(path) as store:
        store.append(record(0, solver="cmd:'a\udcffb {mps} {sol}'"))
    assert [r.solver for r in read_records(path)] == ["cmd:'a\ufffdb {mps} {sol}'"]


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


def test_repair_keeps_little_of_a_large_file_in_memory(path):
    path.parent.mkdir()
    with path.open("wb") as file:
        file.truncate(1 << 26)
        file.seek(0, 2)
        file.write(b"\n{")
    tracemalloc.start()
    assert "torn last line of 1 byte" in repair(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 22
    tracemalloc.stop()
    assert path.stat().st_size == (1 << 26) + 1


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
        sys.path[:0] = {FOLDERS!r}
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


def test_an_older_name_of_the_memory_method_is_read_as_the_present_one(path):
    written(path, 1)
    old = "VmHWM reset per phase; cgroup memory.peak beside"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"memory_method": old}) + "\n")
    (row,) = read_records(path)
    assert row.memory_method == "VmHWM reset per phase; also cgroup memory.peak"


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
    sys.path[:0] = {folders!r}
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
    script = textwrap.dedent(WRITER.format(folders=FOLDERS, path=str(path)))
    for _ in range(12 if FULL else 4):
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


@pytest.mark.parametrize("name", ["/dev/null", "/dev/full", "/dev/zero", "pipe"])
def test_results_go_to_regular_files_only(tmp_path, name):
    """Writing a row to /dev/null never ended; /dev/zero has no end; a pipe is waited for."""
    path = Path(name) if name.startswith("/") else tmp_path / name
    if name == "pipe":
        os.mkfifo(path)
    with pytest.raises(InputError, match=f"{path.name}: is no.* regular file"):
        RecordStore(path)
    with pytest.raises(InputError, match=f"{path.name}: is not a regular file"):
        read_records(path)


def test_a_hard_link_is_the_same_file(path, tmp_path):
    written(path, 1)
    os.link(path, tmp_path / "other.jsonl")
    with RecordStore(path), pytest.raises(InputError, match="another planbench"):
        RecordStore(tmp_path / "other.jsonl")


def test_nothing_beside_the_file_lets_a_second_writer_in(path):
    """A lock in a file of its own could be removed, and was taken for a leftover."""
    with RecordStore(path):
        assert [p.name for p in path.parent.iterdir()] == [path.name]
        with pytest.raises(InputError, match="another planbench"):
            RecordStore(path)


def test_a_file_system_without_locks_is_said(path, monkeypatch):
    import fcntl

    def none(descriptor, how):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", none)
    with pytest.raises(InputError, match="cannot lock it: No locks available"):
        RecordStore(path)


@pytest.mark.parametrize("what", ["file", "folder", "at the end"])
def test_a_file_deleted_in_mid_run_is_written_again(path, what):
    """Rows went on into a file without a name, and nobody knew before the end."""
    written(path, 2)
    with RecordStore(path) as store:
        store.append(record(2))
        path.unlink()
        if what == "folder":
            path.parent.rmdir()
        if what != "at the end":
            store.append(record(3))
            assert [r.repeat for r in read_records(path)] == [0, 1, 2, 3]
            assert "deleted during the run; written again with its 3 rows" in store.repaired
            with pytest.raises(InputError, match="another planbench"):
                RecordStore(path)
    rows = [r.repeat for r in read_records(path)]
    assert rows == ([0, 1, 2] if what == "at the end" else [0, 1, 2, 3])
    with RecordStore(path) as again:
        again.append(record(4))


def test_a_file_that_takes_its_place_is_left_alone_and_the_rows_are_kept(path):
    """An editor that saves, or another run; neither file may lose a row."""
    written(path, 2)
    store = RecordStore(path)
    store.append(record(2))
    other = path.with_name("x")
    other.write_bytes(b"")
    other.rename(path)
    with pytest.raises(PlanbenchError, match=r"replaced by another file.* 1 row .*r\.jsonl\.kept"):
        store.append(record(3))
    store.close()
    assert path.read_bytes() == b""
    kept = Path(f"{path}.kept")
    assert [r.repeat for r in read_records(kept)] == [2]


def test_a_file_that_is_cut_short_in_mid_run_loses_no_row_of_the_run(path):
    store = RecordStore(path)
    store.append(record(0))
    os.truncate(path, 0)
    with pytest.raises(PlanbenchError, match="shortened by another program"):
        store.append(record(1))
    store.close()
    assert [r.repeat for r in read_records(Path(f"{path}.kept"))] == [0]


def test_an_end_of_a_run_says_that_its_file_was_replaced(path):
    def run():
        with RecordStore(path) as store:
            store.append(record(0))
            path.unlink()
            path.write_text("mine")

    with pytest.raises(PlanbenchError, match="replaced by another file"):
        run()
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"instance": {"goods": 0}}, r"field instance\.goods: .*at least 1|greater than or equal"),
        ({"iterations": {"ipm": 10**30}}, r"field iterations\.ipm: .*less than or equal"),
        ({"iterations": {"ipm": -1}}, r"field iterations\.ipm: .*greater than or equal"),
        ({"presolved": {"rows": 10**30}}, r"field presolved\.rows: "),
        ({"peak_bytes": 10**30}, "field peak_bytes: "),
        ({"wall_s": 1e300}, "field wall_s: "),
        ({"threads_used": 10**39}, "field threads_used: "),
        ({"value": 10**30}, "field value: .*64 bits"),
        ({"options": {"a": 10**30}}, "field options: .*64 bits"),
        ({"machine": {"id": "\ud800"}}, "not a JSON row .*a lone surrogate"),
        ({"machine": {"\ud800": 1}}, "not a JSON row .*a lone surrogate"),
        ({"solver": "\ud800"}, "not a JSON row .*a lone surrogate"),
    ],
)
def test_values_beyond_any_sense_name_file_line_and_field(path, change, words):
    """Each ended in a traceback of the report, the export or the terminal."""
    written(path, 1)
    row = json.loads(path.read_text())
    for name, value in change.items():
        row[name] = {**row[name], **value} if name == "instance" else value
    path.write_text(path.read_text() + json.dumps(row) + "\n")
    with pytest.raises(InputError, match=r"r\.jsonl:2: " + words) as caught:
        read_records(path)
    assert "\n" not in str(caught.value)
    str(caught.value).encode()


@pytest.mark.parametrize("field", ["options", "native_options", "machine", "recipe"])
@pytest.mark.parametrize("depth", [21, 300])
def test_deep_nesting_names_file_line_and_field(path, field, depth):
    """Rows nest two or three deep; the export to CSV failed beyond 255."""
    deep: object = 1
    for _ in range(depth):
        deep = {"a": deep}
    written(path, 1)
    row = json.loads(path.read_text())
    (row["instance"] if field == "recipe" else row)[field] = deep
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(InputError, match=rf"r\.jsonl:1: field .*{field}: nested more than 20 deep"):
        read_records(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("9" * 5000, "4300 digits"),
        ("1e400", "beyond double precision"),
        ("-1e-320", "beyond double precision"),
        ('"\xff"', "can't decode"),
    ],
)
def test_numbers_and_bytes_json_readers_disagree_on(path, text, words):
    written(path, 1)
    line = path.read_bytes().replace(
        b'"wall_s": 0.1', b'"wall_s": 0.1, "x": ' + text.encode("latin-1"), 1
    )
    line = line.replace(b'"message": ""', b'"message": ' + text.encode("latin-1"))
    path.write_bytes(line)
    with pytest.raises(InputError, match=rf"r\.jsonl:1: not a JSON row .*{words}"):
        read_records(path)


def test_a_line_without_end_is_not_read_into_memory(path, monkeypatch):
    monkeypatch.setattr(store_module, "LONGEST_LINE", 10_000)
    written(path, 1)
    with path.open("ab") as file:
        file.write(b" " * 20_000 + b"\n")
    with pytest.raises(InputError, match=r"r\.jsonl:2: is longer than any row"):
        read_records(path)
