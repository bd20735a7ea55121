"""What a file of a project says of a package: the requirement in it, for the GitHub action.

Reads the text of a requirements or constraints file, of ``pyproject.toml``, or of a lock file
(``uv.lock``, ``poetry.lock``, ``pylock.toml``) on standard input. Standard library only: the
action runs it as a script before planbench is installed.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator


def find_requirement(text: str, file: str, package: str) -> str:
    """Find the requirement of `package`, such as ``highspy>=1.14,<2``.

    Parameters
    ----------
    text : str
        Contents of the file.
    file : str
        Its name, which tells its format.
    package : str

    Raises
    ------
    ValueError
        One line: no such requirement, several, or not TOML.
    """
    if file.endswith((".toml", ".lock")):
        try:
            lines = list(_of_toml(tomllib.loads(text)))
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"{file} is no TOML: {error}") from None
    else:
        lines = text.splitlines()
    found = dict.fromkeys(filter(None, (_read(line, package) for line in lines)))
    if not found:
        raise ValueError(f"{file} does not require {package}")
    if len(found) > 1:
        raise ValueError(f"{file} requires {package} more than once ({'; '.join(found)})")
    return next(iter(found))


def _of_toml(value: object) -> Iterator[str]:
    """Yield every string of a list, and locked packages as ``NAME==VERSION``."""
    if isinstance(value, dict):
        if isinstance(value.get("name"), str) and isinstance(value.get("version"), str):
            yield f"{value['name']}=={value['version']}"
            return
        for inner in value.values():
            yield from _of_toml(inner)
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, str):
                yield inner
            else:
                yield from _of_toml(inner)


def _read(line: str, package: str) -> str:
    """Return the requirement of `package` in a line, without marker or comment; else empty."""
    name = r"[-_.]+".join(map(re.escape, re.split(r"[-_.]+", package)))
    match = re.match(rf"\s*({name})\s*(\[[^\]]*\])?\s*([^#;\\]*)", line, re.IGNORECASE)
    if match is None:
        return ""
    rest = re.split(r"\s--", match[3])[0].strip()
    if rest and not re.match(r"[<>=!~@(]", rest):
        return ""  # another package, whose name begins alike
    spec = f" {rest}" if rest.startswith("@") else re.sub(r"[\s()]", "", rest)
    return f"{match[1].lower()}{match[2] or ''}{spec}"


if __name__ == "__main__":
    try:
        print(find_requirement(sys.stdin.read(), sys.argv[2], sys.argv[1]))
    except ValueError as error:
        sys.exit(str(error))
