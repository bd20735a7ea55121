"""What an installation of planbench weighs, and what each extra adds.

    python benchmarks/install_size.py [--write docs/install-size.md]

Nothing is installed: the requirements of planbench and of each extra are followed through the
metadata of the packages in this environment (``make dev`` has them all), and the files that each
package installed are added up.
"""

from __future__ import annotations

import argparse
import importlib.metadata as metadata
import platform
import sys
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

#: Packages named in the table for each extra, largest first.
NAMED = 3
#: Smaller packages are not named.
LEAST_NAMED = 1_000_000


def requirements(package: str, extras: Iterable[str] = ()) -> set[tuple[str, frozenset[str]]]:
    """Find what `package` with `extras` requires here, by name and extras."""
    wanted = list(extras)
    found: set[tuple[str, frozenset[str]]] = set()
    for line in metadata.requires(package) or []:
        required = Requirement(line)
        holds = required.marker is None or any(
            required.marker.evaluate({"extra": extra}) for extra in ["", *wanted]
        )
        if holds:
            found.add((canonicalize_name(required.name), frozenset(required.extras)))
    return found


def closure(extras: Iterable[str] = ()) -> set[str]:
    """Names of all packages that planbench with `extras` brings, without planbench.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        When one of them is not installed here.
    """
    seen: set[tuple[str, frozenset[str]]] = set()
    left = [("planbench", frozenset(extras))]
    while left:
        one = left.pop()
        if one in seen:
            continue
        seen.add(one)
        left += requirements(*one)
    return {name for name, _ in seen} - {"planbench"}


def size(package: str, *, bytecode: bool = False) -> int:
    """Bytes of the files that `package` installed, without bytecode, or of that alone."""
    files = metadata.files(package) or []
    paths = (Path(str(f.locate())) for f in files if (f.suffix == ".pyc") == bytecode)
    return sum(path.stat().st_size for path in paths if path.is_file())


def listed_extras() -> list[str]:
    """Extras of planbench, those that are sums of others last."""
    names = metadata.metadata("planbench").get_all("Provides-Extra") or []

    def is_sum(extra: str) -> bool:
        return any(package == "planbench" for package, _ in requirements("planbench", [extra]))

    return sorted(names, key=lambda extra: (is_sum(extra), len(closure([extra]))))


def table() -> str:
    """Return the table of docs/install-size.md, in Markdown."""
    core = closure()
    sizes = {name: size(name) for name in closure(listed_extras())}

    def row(title: str, packages: set[str], total: set[str]) -> str:
        largest = sorted(packages, key=lambda name: -sizes[name])[:NAMED]
        named = ", ".join(
            f"{name} {sizes[name] / 1e6:.0f}" for name in largest if sizes[name] >= LEAST_NAMED
        )
        mass = [sum(sizes[name] for name in group) / 1e6 for group in (packages, total)]
        return f"| {title} | {mass[0]:.0f} | {mass[1]:.0f} | {named} |"

    lines = [
        "| installed | adds, MB | in all, MB | its largest packages, MB |",
        "|---|--:|--:|---|",
        row("`planbench`", core, core),
    ]
    for extra in listed_extras():
        every = closure([extra])
        lines.append(row(f"`planbench[{extra}]`", every - core, every))
    return "\n".join(lines)


PAGE = """# What an installation weighs

{table}

MB of 10⁶ bytes, on {system} {machine} with Python {python} and the versions of `constraints.txt`.
"Adds" is what comes on top of the core; extras that share packages add less together.
`make sizes` writes this page again.

Bytecode is not counted. pip compiles every module as it installs, also those that are never
imported: {bytecode:.0f} MB for `bench`. `pip install --no-compile` leaves that out, as uv does and as the
Makefile asks for; Python then writes the bytecode of what is imported when it is first imported.

What is large, and why:

- **The core**: numpy and SciPy hold the economies, pandas the results; highspy, SciPy and PuLP (with
  CBC's program) are the solvers that are always there.
- **planners** compiles loops with numba, which brings llvmlite, a compiler.
- **report** needs vl-convert, which holds a JavaScript engine. It puts the charts into a page that asks
  the network for nothing, and writes SVG, PNG and PDF. Tables need none of it.
- **ortools** is GLOP and PDLP.
- **`highs-hipo`** is no extra: it runs in [an environment of its own](solvers.md#hipo) in the cache folder,
  about 250 MB (numpy, SciPy, pip, an older HiGHS), built when it is first used.
- **parquet** is pyarrow, which **tables** has too, through pymrio.
"""


def page() -> str:
    """Return the whole of docs/install-size.md."""
    return PAGE.format(
        table=table(),
        bytecode=sum(size(name, bytecode=True) for name in closure(["bench"])) / 1e6,
        system=platform.system(),
        machine=platform.machine(),
        python=".".join(platform.python_version_tuple()[:2]),
    )


def main() -> None:
    """Print the table, or write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page of the docs")
    write: Path | None = parser.parse_args().write
    try:
        text = table() if write is None else page()
    except metadata.PackageNotFoundError as error:
        sys.exit(f"{error}; this needs every extra: make dev")
    if write is None:
        print(text)
    else:
        write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
