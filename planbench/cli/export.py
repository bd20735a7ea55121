"""``planbench export``: an instance or measurements in another format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from planbench.cli import completion, console, options, views
from planbench.cli.options import check_destination, write_instance
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.files import check_writable, write_text
from planbench.records.flat import write_csv, write_parquet
from planbench.records.pyperf_json import to_pyperf
from planbench.records.store import read_records

EXAMPLES = (
    "planbench export us-bea-71 -o us-bea-71.mps.gz",
    "planbench export gen:goods=100,seed=1 -o economy/",
    "planbench export results/quick.jsonl -o quick.csv",
    "planbench export results/quick.jsonl -o quick.json",
)

#: Tables for spreadsheets and data frames, and pyperf's own format.
RESULT_ENDINGS = (".csv", ".parquet", ".json")


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
            "--output", "-o", metavar="FILE", help="Its ending says the format, see above."
        ),
    ],
    memory: Annotated[
        bool, typer.Option("--memory", help="In a pyperf .json: peak bytes, not seconds.")
    ] = False,
    relax: options.RelaxOption = False,
    json: options.JsonOption = False,
) -> None:
    """Write an INSTANCE or measurements in another format, by the ending of FILE.

    An INSTANCE becomes .npz, .mps or .mps.gz (its linear program), or a folder of CSV files
    (an economy). Results (.jsonl) become .csv or .parquet, a row per measurement, or .json for
    python -m pyperf stats and compare_to.
    """
    if source.lower().endswith(".jsonl"):
        facts = _export_results(Path(source), Path(output), memory)
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


def _export_results(source: Path, path: Path, memory: bool) -> dict[str, Any]:
    ending = path.suffix.lower()
    if ending not in RESULT_ENDINGS:
        raise InputError(
            f"measurements are written as {', '.join(RESULT_ENDINGS)}; rename it", where=str(path)
        )
    if memory and ending != ".json":
        raise InputError("is for a pyperf .json only", where="--memory")
    check_writable(path)
    records = read_records(source)
    if not records:
        raise InputError("holds no measurements", where=str(source))
    facts: dict[str, Any] = {"file": str(path), "source": str(source)}
    if ending == ".json":
        suite = to_pyperf(records, memory=memory)
        count = len(suite.document["benchmarks"])
        if not count:
            raise InputError(
                "holds no measurement pyperf could hold: " + _left_out(suite.left_out),
                where=str(source),
            )
        write_text(path, json.dumps(suite.document, allow_nan=False))
        facts |= {"rows": f"{count} pyperf benchmarks", "left_out": suite.left_out}
        if suite.left_out:
            facts["rows"] += f" (left out: {_left_out(suite.left_out)})"
        return facts
    (write_csv if ending == ".csv" else write_parquet)(records, path)
    return facts | {"rows": plural(len(records), "measurement")}


def _left_out(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
