"""What all tests share: signals as a terminal has them, and tests that want the machine alone."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

#: Folders whose tests set limits, stop processes or measure memory and time.
ALONE = ("bench", "measure")

# Started in the background a shell leaves Ctrl-C ignored, and every child would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that `make test` runs one at a time, after the others."""
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).parts[0] in ALONE:
            item.add_marker("alone")
