"""``planbench export``: an instance or measurements in another format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from planbench.cli import console, options, views
from planbench.cli.options import check_destination, write_instance
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.files import check_writable
from planbench.records.flat import write_csv, write_parquet
from planbench.records.store import read_records

#: Tables for spreadsheets and data frames, by the ending of the file.
WRITERS = {".csv": write_csv, ".parquet": write_parquet}


def export(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="An INSTANCE, or a results file of bench (.jsonl).",
            autocompletion=options.instance_names,
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Its ending says the format, see above."
        ),
    ],
    relax: options.RelaxOption = False,
    json: options.JsonOption = False,
) -> None:
    """Write an INSTANCE or measurements in another format, by the ending of FILE.

    An INSTANCE becomes .npz, .mps or .mps.gz (its linear program), or a folder of CSV files
    (an economy). Results (.jsonl) become .csv or .parquet, a row per measurement.

    Examples
    --------
    planbench export us-bea-71 -o us-bea-71.mps.gz
    planbench export gen:goods=100,seed=1 -o economy/
    planbench export results/quick.jsonl -o quick.csv
    """
    if source.lower().endswith(".jsonl"):
        facts = _export_results(Path(source), Path(output))
    else:
        facts = _export_instance(source, output, relax)
    if json:
        console.print_json(facts)
    else:
        what = ", ".join(str(v) for k, v in facts.items() if k in ("sizes", "sha256", "rows"))
        console.say(f"wrote {facts['file']}: {what}")


def _export_instance(source: str, output: str, relax: bool) -> dict[str, Any]:
    path = check_destination(output)
    instance = options.load(source, relax)
    write_instance(instance, path)
    return {
        "file": str(path),
        "instance": instance.name,
        "sizes": views.size_words(instance),
        "sha256": instance.sha256,
    }


def _export_results(source: Path, path: Path) -> dict[str, Any]:
    ending = path.suffix.lower()
    if ending not in WRITERS:
        raise InputError(
            f"measurements are written as {', '.join(WRITERS)}; rename it", where=str(path)
        )
    check_writable(path)
    records = read_records(source)
    if not records:
        raise InputError("holds no measurements", where=str(source))
    WRITERS[ending](records, path)
    return {
        "file": str(path),
        "source": str(source),
        "rows": plural(len(records), "measurement"),
    }
