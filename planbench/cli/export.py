"""``planbench export``: an instance or measurements in another format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planbench.cli import completion, console, options
from planbench.errors import InputError

if TYPE_CHECKING:
    from planbench.records.schema import Record

EXAMPLES = (
    "planbench export us-bea-71 -o us-bea-71.mps.gz",
    "planbench export gen:goods=100,seed=1 -o economy/",
    "planbench export results/quick.jsonl -o quick.csv",
)


def export(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="An INSTANCE, or a results file of bench (.jsonl).",
            autocompletion=completion.instance_names,
            show_default=False,
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Its ending says the format, see above.",
        ),
    ],
    compress: Annotated[
        bool, typer.Option("--compress", help="Deflate .npz: smaller, and much slower.")
    ] = False,
    relax: options.RelaxOption = False,
    json: options.JsonOption = False,
) -> None:
    """Write an INSTANCE or measurements in another format, by the ending of FILE.

    An INSTANCE becomes .npz, .mps or .mps.gz (its linear program), or a folder of CSV files
    (an economy). Results (.jsonl) become .csv, a row per measurement.
    """
    if source.lower().endswith(".jsonl"):
        facts = _export_results(Path(source), Path(output))
    else:
        facts = _export_instance(source, output, compress, relax)
    if json:
        console.print_json(facts)
    else:
        told = ", ".join(f"{v}" for k, v in facts.items() if k in ("sizes", "sha256", "rows"))
        console.say(f"wrote {facts['file']}: {told}")


def _export_instance(source: str, output: str, compress: bool, relax: bool) -> dict[str, Any]:
    from planbench.cli import views
    from planbench.cli.files import check_destination, write_instance

    path = check_destination(output)
    if compress and path.suffix.lower() != ".npz":
        raise InputError("is for .npz only", where="--compress")
    instance = options.load(source, relax)
    write_instance(instance, path, compress=compress)
    return {
        "file": str(path),
        "instance": instance.name,
        "sizes": views.size_words(instance),
        "sha256": instance.sha256,
    }


def _export_results(source: Path, path: Path) -> dict[str, Any]:
    import csv

    from planbench.records.store import read_records

    if path.suffix.lower() != ".csv":
        raise InputError("measurements are written as .csv; rename it", where=str(path))
    options.writable(path)
    rows = [flat_row(record) for record in read_records(source)]
    if not rows:
        raise InputError("holds no measurements", where=str(source))
    columns = list(dict.fromkeys(name for row in rows for name in row))
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(path)) from None
    return {"file": str(path), "source": str(source), "rows": f"{len(rows)} measurements"}


def flat_row(record: Record) -> dict[str, Any]:
    """One measurement as one row of a spreadsheet; nested fields become ``outer_inner``.

    Parameters
    ----------
    record : Record

    Returns
    -------
    dict
        Phases become ``phase_NAME_wall_s`` and the like, a second one of the same name
        ``phase_NAME_again_wall_s``; lists of text are joined with "; ".
    """
    data = record.model_dump(mode="json")
    for phase in data.pop("phases"):
        name = f"phase_{phase.pop('name')}"
        # Some phases occur twice, such as the calibration before and after the solve.
        data[name if name not in data else f"{name}_again"] = phase
    row: dict[str, Any] = {}
    _flatten(data, "", row)
    return row


def _flatten(data: dict[str, Any], prefix: str, row: dict[str, Any]) -> None:
    for name, value in data.items():
        if isinstance(value, dict):
            _flatten(value, f"{prefix}{name}_", row)
        elif isinstance(value, list):
            row[prefix + name] = "; ".join(map(str, value))
        else:
            row[prefix + name] = value
