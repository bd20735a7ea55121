"""Writing an instance where its file name says: ``.npz``, ``.mps``, ``.mps.gz`` or a folder."""

from __future__ import annotations

from pathlib import Path

from planbench.catalogue.instance import Instance
from planbench.cli import console, options
from planbench.errors import InputError
from planbench.io.csv_folder import save_economy as save_folder
from planbench.io.mps import write_mps
from planbench.io.npz import save_economy, save_lp

#: What the ending of a name asks for.
ENDINGS = ".npz, .mps, .mps.gz, or a folder (a name without ending)"


def check_destination(text: str) -> Path:
    """Check the name and place of a file to be written, before anything is computed.

    Raises
    ------
    InputError
        On an ending that stands for no format, or a place that cannot be written.
    """
    path = Path(text)
    name = path.name.lower()
    if name.endswith((".npz", ".mps", ".mps.gz")):
        return options.writable(path)
    if "." in name.strip(".") and not text.endswith("/") and not path.is_dir():
        raise InputError(f"is of no known format; give {ENDINGS}", where=text)
    return options.writable(path, folder=True)


def write_instance(instance: Instance, path: Path, *, compress: bool = False) -> None:
    """Write `instance` in the format that the name of `path` asks for.

    Raises
    ------
    InputError
        When the format cannot hold it, or the file cannot be written.
    """
    name = path.name.lower()
    economy = instance.economy
    if name.endswith(".npz"):
        if economy is not None:
            save_economy(economy, path, compress=compress)
        else:
            save_lp(instance.lp, path, compress=compress)
    elif name.endswith((".mps", ".mps.gz")):
        for remark in write_mps(instance.lp, path):
            console.note(f"{path}: {remark}")
    elif economy is not None:
        save_folder(economy, path)
    else:
        raise InputError(
            "a folder of CSV files holds an economy, and this is a general linear program; "
            "give .npz or .mps",
            where=str(path),
        )
