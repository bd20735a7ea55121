"""What is seen from outside is charged to the phase it fell into."""

import json

import pytest

from planbench.errors import PlanbenchError
from planbench.measure.protocol import PhaseReader, Sample


@pytest.fixture
def reader(tmp_path):
    return PhaseReader(tmp_path / "phases.jsonl", [])


def write(reader, *events):
    with reader.path.open("a") as file:
        for event in events:
            file.write(json.dumps(event) + "\n")


def start(name, at, solving=True):
    return {
        "event": "start", "name": name, "solving": solving, "at": at,
        "waited_s": 0.5, "level_before": 100,
    }  # fmt: skip


def end(name, at, peak):
    return {
        "event": "end", "name": name, "solving": True, "wall_s": 1.0, "cpu_s": 1.0,
        "wait_s": 0.0, "peak_bytes": peak, "method": "m", "at": at,
    }  # fmt: skip


def peaks(reader):
    return {phase.name: phase.peak_bytes for phase in reader.phases}


def test_a_look_into_a_later_phase_is_not_charged_to_an_earlier_one(reader):
    """Several phases may end between two reads; the sample then belongs to the last of them."""
    reader.see(Sample(5.5, 900, children=True))
    write(reader, start("load", 1.0), end("load", 2.0, 200))
    write(reader, start("solve", 5.0), end("solve", 6.0, 300))
    reader.poll()
    assert peaks(reader) == {"load": 200, "solve": 900}


def test_without_children_the_worker_knows_its_peak_better(reader):
    """A sample takes a moment, in which a phase may change."""
    reader.see(Sample(1.5, 900, children=False))
    write(reader, start("load", 1.0), end("load", 2.0, 200))
    reader.poll()
    assert peaks(reader) == {"load": 200}


def test_the_highest_of_many_looks_stands(reader):
    write(reader, start("solve", 1.0))
    reader.poll()
    for at, held in ((1.1, 10), (1.2, 700), (1.3, 20), (1.4, 30)):
        reader.see(Sample(at, held, children=True))
    write(reader, end("solve", 2.0, 200), start("extract", 2.5), end("extract", 3.0, 50))
    reader.poll()
    assert peaks(reader) == {"solve": 700, "extract": 50}


def test_a_phase_cut_short_has_what_was_seen_of_it(reader):
    """The worker died and could say nothing; samples before the phase do not count."""
    reader.see(Sample(0.5, 5000, children=False))
    write(reader, start("solve", 1.0))
    reader.poll()
    reader.see(Sample(1.5, 700, children=False))
    reader.see(Sample(1.7, 600, children=False))
    reader.close(4.0, waited=0.7)
    (phase,) = reader.phases
    assert (phase.name, phase.complete, phase.wall_s) == ("solve", False, 3.0)
    assert phase.peak_bytes == 700
    assert phase.wait_s == pytest.approx(0.2)
    assert phase.level == 100


def test_a_line_half_written_is_read_when_it_is_whole(reader):
    whole = json.dumps(start("solve", 1.0)) + "\n"
    reader.path.write_text(whole[:20])
    reader.poll()
    assert reader.open_name is None
    reader.path.write_text(whole)
    reader.poll()
    assert reader.open_name == "solve"


def test_workers_of_earlier_commits_do_not_tell_how_long_they_waited(reader):
    """``planbench ab --a git:OLD`` measures by the worker of that commit."""
    first, last = start("solve", 1.0), end("solve", 2.0, 200)
    del first["waited_s"], last["wait_s"]
    write(reader, first, last)
    reader.poll()
    assert peaks(reader) == {"solve": 200}
    assert reader.phases[0].wait_s is None


@pytest.mark.parametrize("line", ["nonsense", "[]", '{"event": "start"}'])
def test_a_worker_that_speaks_another_way_gives_one_line(reader, line):
    reader.path.write_text(line + "\n")
    with pytest.raises(PlanbenchError, match="too far from this one"):
        reader.poll()


def test_phases_that_do_not_count_are_told_from_those_that_do(reader):
    """The clock of the time limit stops meanwhile, also while such a phase is going on."""
    write(reader, start("read", 0.0, solving=False), end("read", 9.0, 1) | {"solving": False})
    write(reader, start("load", 10.0), end("load", 11.0, 1))
    reader.poll()
    assert reader.aside(12.0) == 0.0
    write(reader, start("check", 12.0, solving=False))
    reader.poll()
    assert reader.aside(14.0) == 2.0
    write(reader, end("check", 15.0, 1) | {"solving": False}, start("solve", 15.0))
    reader.poll()
    assert reader.aside(20.0) == 3.0


def test_a_check_without_end_is_ended(tmp_path, reader):
    from planbench.measure.watch import Watch

    write(reader, start("load", 0.0), end("load", 1.0, 1), start("check", 1.0, solving=False))
    reader.poll()
    watch = Watch(5.0, 1 << 30, 60.0, 0.0, reader, tmp_path / "log.txt")
    watch._judge_time(50.0)
    assert watch.killed is None
    watch._judge_time(62.0)
    assert watch.killed == "killed"
    assert "of overhead in phase check" in watch.reason
