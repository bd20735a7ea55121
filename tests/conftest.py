"""What all tests share: signals as a terminal has them, and random examples that repeat."""

from __future__ import annotations

import signal

import hypothesis
from support.full import FULL

# Started in the background a shell leaves Ctrl-C ignored, and every child would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in every run of `make test`; `make test-full` looks for new ones.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.register_profile("full", deadline=None, max_examples=1000)
hypothesis.settings.load_profile("full" if FULL else "repeatable")
