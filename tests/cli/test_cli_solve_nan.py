"""``solve -o`` with an answer that is no plan: what was measured is still shown."""

import sys
from pathlib import Path

from support.command_line import planbench

SOLVER = """
import sys
columns, section = [], ""
for line in open(sys.argv[1]):
    if line[:1].strip():
        section = line.split()[0]
    elif section == "COLUMNS" and (name := line.split()[0]) not in columns:
        columns.append(name)
open(sys.argv[2], "w").write("".join(f"{name} nan\\n" for name in columns))
"""


def test_a_plan_of_nan_is_not_written_and_the_measurement_is_shown(tmp_path: Path) -> None:
    program, plan = tmp_path / "nan.py", tmp_path / "plan.npz"
    program.write_text(SOLVER)
    command = f"cmd:{sys.executable} {program} {{mps}} {{sol}}"
    done = planbench("solve", "kantorovich-lathes", "--solver", command, "-o", str(plan))
    assert "was not written" in done.out + done.err
    assert "extract" in done.out, "the phases that were measured must be shown"
    assert not plan.exists()
    assert done.code == 0
