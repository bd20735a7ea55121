"""The machine and the software a measurement was made with.

Nothing that names a person or a host is kept: the host's name only enters a short hash, which
distinguishes two machines of the same kind when a results file is carried on.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import socket
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from planbench.measure.memory import read_file, total_memory

#: Packages whose versions every record carries, where installed.
PACKAGES = ("planbench", "numpy", "scipy", "highspy", "highspy-extras", "pulp", "ortools")


_GOVERNOR = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"


@cache
def describe_machine() -> dict[str, Any]:
    """Describe this machine in JSON values; found out once in a process.

    Returns
    -------
    dict
        ``id`` (12 hexadecimal digits), ``cpu`` (model), ``cpu_class`` (family and vector
        units: processors of one class round alike), ``cores`` (physical), ``threads``
        (logical, of which this process may use ``usable_threads``), ``memory_bytes``,
        ``governor`` (CPU frequency governor), ``load`` (average of the last minute),
        ``kernel``, ``system``, ``python``; a value that cannot be found out is None.
    """
    import psutil

    facts: dict[str, Any] = {
        "cpu": _cpu_model(),
        "cores": psutil.cpu_count(logical=False),
        "threads": psutil.cpu_count(logical=True),
        "memory_bytes": total_memory(),
        "kernel": platform.release(),
        "system": platform.system(),
        "python": platform.python_version(),
    }
    identity = "|".join(str(facts[k]) for k in ("cpu", "cores", "threads", "memory_bytes"))
    digest = hashlib.sha256(f"planbench|{socket.gethostname()}|{identity}".encode())
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    return {
        "id": digest.hexdigest()[:12],
        **facts,
        "cpu_class": cpu_class(),
        "usable_threads": usable,
        "governor": read_file(_GOVERNOR).decode().strip() or None,
        "load": load_now(),
    }


def load_now() -> float | None:
    """Load average of the last minute; None where the system does not keep one."""
    try:
        return round(os.getloadavg()[0], 2)
    except (OSError, AttributeError):
        return None


def _cpu_model() -> str | None:
    text = read_file("/proc/cpuinfo").decode()
    if not text:
        return platform.processor() or None
    for line in text.splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine() or None


#: What libraries of linear algebra choose their kernels by, and so the order of their sums.
_VECTOR_UNITS = ("sse4_2", "avx", "fma", "avx2", "avx512f", "asimd", "sve")


def cpu_class(cpuinfo: Path = Path("/proc/cpuinfo")) -> str | None:
    """Vendor, family, model and vector units of the processor, e.g. ``GenuineIntel 6 143 avx2``.

    None where the system does not say.
    """
    lines = read_file(cpuinfo).decode().partition("\n\n")[0].splitlines()
    facts = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)
    }
    named = ("vendor_id", "cpu family", "model", "CPU implementer", "CPU part")
    units = set((facts.get("flags") or facts.get("Features") or "").split())
    parts = [facts[name] for name in named if facts.get(name)]
    parts += [unit for unit in _VECTOR_UNITS if unit in units]
    return " ".join(parts) or None


def package_versions(more: Iterable[str] = ()) -> dict[str, str]:
    """Versions of :data:`PACKAGES` and `more`, as far as they are installed."""
    found: dict[str, str] = {}
    for name in (*PACKAGES, *more):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@cache
def git_commit() -> str | None:
    """Commit of the checkout planbench runs from, ``-dirty`` if changed; None outside one.

    Found out once in a process, whose code was loaded when it began.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return None
    changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", "planbench")
    return commit + ("-dirty" if changed else "")


def _git(root: Path, *arguments: str) -> str | None:
    try:
        out = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return out.stdout.strip()
