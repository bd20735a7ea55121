"""How long it took and how much memory: worker process, limits, machine."""
