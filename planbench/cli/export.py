"""``planbench export``: an instance or measurements in another format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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


@options.command
def export(
    source: Annotated[str, typer.Argument(autocompletion=options.instance_names)],
    output: Annotated[str, typer.Option("--output", "-o")],
    relax: options.RelaxOption = False,
    json: options.JsonOption = False,
) -> None:
    """Write an INSTANCE or measurements in another format, by the ending of FILE.

    An INSTANCE becomes .npz, .mps or .mps.gz (its linear program), or a folder of CSV files
    (an economy). Results (.jsonl) become .csv or .parquet, a row per measurement.

    Parameters
    ----------
    source : SOURCE
        An INSTANCE, or a results file of bench (.jsonl).
    output : FILE
        Its ending says the format, see above.

    Examples
    --------
    planbench export us-bea-71 -o us-bea-71.mps.gz
    planbench export gen:goods=100,seed=1 -o economy/
    planbench export results/quick.jsonl -o quick.csv
    """
    if source.lower().endswith(".jsonl"):
        path, records = Path(output), read_records(Path(source))
        if path.suffix.lower() not in WRITERS:
            raise InputError(
                f"measurements are written as {', '.join(WRITERS)}; rename it", where=output
            )
        check_writable(path)
        if not records:
            raise InputError("holds no measurements", where=source)
        WRITERS[path.suffix.lower()](records, path)
        facts = {"file": output, "source": source, "rows": plural(len(records), "measurement")}
        said = facts["rows"]
    else:
        path = check_destination(output)
        instance = options.load(source, relax)
        write_instance(instance, path)
        facts = {
            "file": str(path),
            "instance": instance.name,
            "sizes": views.size_words(instance),
            "sha256": instance.sha256,
        }
        said = f"{facts['sizes']}, {facts['sha256']}"
    if json:
        console.print_json(facts)
    else:
        console.say(f"wrote {facts['file']}: {said}")
