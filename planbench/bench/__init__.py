"""Suites, ladders and the runner that turns them into records."""
