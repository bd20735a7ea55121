"""Programs are waited for rightly, however soon they end."""

import subprocess
import sys

#: As a worker does it: what loses its parent comes to this process, which is told each peak.
COUNT = """
import collections, ctypes, os, sys
from planbench.solvers import programs
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
peaks = []
programs.observer = peaks.append
codes = collections.Counter()
for _ in range(int(sys.argv[1])):
    codes[programs.run_program(sys.argv[2:])] += 1
assert len(peaks) == int(sys.argv[1])
assert 0 < min(peaks) <= max(peaks) < 100 << 20
print(dict(codes))
"""


def count(times, *command):
    return subprocess.Popen(
        [sys.executable, "-c", COUNT, str(times), *command], stdout=subprocess.PIPE, text=True
    )


def test_programs_that_end_at_once_keep_their_exit_code():
    """The shell that starts them must not wait for them; two at a time crowd each other."""
    running = [count(250, "/bin/true"), count(250, "/bin/false")]
    said = [process.communicate(timeout=120)[0] for process in running]
    assert said == ["{0: 250}\n", "{1: 250}\n"]


def test_signals_and_input_reach_nobody_else():
    """A program reads nothing, and its signal is told as such."""
    assert count(3, "sh", "-c", "read line && exit 7; kill -9 $$").communicate(timeout=60)[0] == (
        "{-9: 3}\n"
    )


def test_a_program_finds_no_descriptors_of_ours():
    code = "import os, sys; sys.exit(len(os.listdir('/proc/self/fd')) - 4)"
    assert count(1, sys.executable, "-S", "-c", code).communicate(timeout=60)[0] == "{0: 1}\n"
