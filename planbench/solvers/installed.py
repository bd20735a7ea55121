"""What is installed in an environment: versions, and a hash of the files of each distribution.

Standard library only: the module is also run as a script by the interpreters of other
environments, in which planbench is not installed.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re


def normalised(package: str) -> str:
    """Name of a package as package indexes compare it: lower case, single hyphens."""
    return re.sub(r"[-_.]+", "-", package).lower()


def list_installed() -> dict[str, tuple[str, str]]:
    """Version and hash of the files of every distribution, by normalised name.

    The hash is empty where the installer kept no list of files, as for editable installs.
    """
    found: dict[str, tuple[str, str]] = {}
    for distribution in importlib.metadata.distributions():
        name = normalised(distribution.metadata["Name"])
        found.setdefault(name, (distribution.version, _hash_of_files(distribution)))
    return found


def _hash_of_files(distribution: importlib.metadata.Distribution) -> str:
    # Metadata says how and by what it was packed, which is no part of what runs; scripts made
    # from entry points hold the path of their interpreter.
    scripts = {e.name for e in distribution.entry_points if e.group.endswith("_scripts")}
    lines = []
    for file in distribution.files or ():
        noted = file.parts[0].endswith(".dist-info")
        made = file.parts[0] == ".." and file.stem in scripts
        if file.hash is None or noted or made or file.suffix == ".pyc":
            continue
        lines.append(f"{file.as_posix()} {file.hash.mode}={file.hash.value}")
    if not lines or any(line.split()[0].endswith(".pth") for line in lines):
        return ""
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


if __name__ == "__main__":
    print(json.dumps(list_installed()))
