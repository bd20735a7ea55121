"""Where published tables can be had: official sources, their terms, and how they are read."""

from __future__ import annotations

from dataclasses import dataclass

from planbench.errors import InputError
from planbench.io.text import nearest


@dataclass(frozen=True)
class Source:
    """An official source of tables.

    Attributes
    ----------
    name : str
    title : str
    homepage : str
        Where a person finds it, and what is tried first.
    licence : str
    how : {"pymrio", "files", "by hand"}
        Downloaded by pymrio, from `files`, or by a person only.
    size : str
        Of one download, roughly.
    import_with : str
        What ``planbench import`` is given, with ``{folder}`` for the folder of the download.
    years : tuple of int or None
        First and last year of a source with one download for each year.
    files : tuple of str
        Addresses of the downloads; archives are unpacked.
    reason : str
        Why only by hand.
    """

    name: str
    title: str
    homepage: str
    licence: str
    how: str
    size: str
    import_with: str
    years: tuple[int, int] | None = None
    files: tuple[str, ...] = ()
    reason: str = ""

    def command(self, folder: str) -> str:
        """Command line that imports a download in `folder`."""
        return f"planbench import {self.import_with.format(folder=folder)} -o economy.npz"


SOURCES: tuple[Source, ...] = (
    Source(
        name="us-bea",
        title="United States, use and make tables of 15, 71 and about 400 industries",
        homepage="https://www.bea.gov/industry/input-output-accounts-data",
        licence="public domain",
        how="files",
        size="tens of MB",
        import_with="{folder}/IOUse_….xlsx {folder}/IOMake_….xlsx --sheet YEAR",
        files=("https://apps.bea.gov/industry/iTables%20Static%20Files/AllTablesIO.zip",),
    ),
    Source(
        name="wiod-2013",
        title="World Input-Output Database, release 2013, 41 regions × 35 industries",
        homepage="http://www.wiod.org/database/wiots13",
        licence="CC BY 4.0",
        how="pymrio",
        size="tens of MB a year",
        import_with="{folder} --format wiod --year YEAR",
        years=(1995, 2011),
    ),
    Source(
        name="exiobase3",
        title="EXIOBASE 3, 49 regions × 163 industries (ixi)",
        homepage="https://doi.org/10.5281/zenodo.3583070",
        licence="CC BY-SA 4.0",
        how="pymrio",
        size="hundreds of MB a year",
        import_with="{folder} --format exiobase3",
        years=(1995, 2022),
    ),
    Source(
        name="oecd-icio",
        title="OECD inter-country input-output tables, edition 2023, 77 regions × 45 industries",
        homepage="https://www.oecd.org/en/data/datasets/inter-country-input-output-tables.html",
        licence="OECD terms, CC BY 4.0",
        how="pymrio",
        size="hundreds of MB for five years",
        import_with="{folder} --format oecd --year YEAR",
        years=(1995, 2020),
    ),
    Source(
        name="eora26",
        title="Eora26, 189 countries × 26 sectors",
        homepage="https://worldmrio.com/eora26/",
        licence="free for academic use, with an account",
        how="by hand",
        size="tens of MB a year",
        import_with="{folder} --format eora26 --year YEAR",
        years=(1990, 2016),
        reason="it asks for an account",
    ),
    Source(
        name="gloria",
        title="GLORIA, 164 regions × 120 sectors, supply and use",
        homepage="https://ielab.info/labs/ielab-gloria",
        licence="free for academic use, with an account",
        how="by hand",
        size="GBs a year",
        import_with="{folder} --format gloria --year YEAR",
        reason="it asks for an account",
    ),
)


def find_source(name: str) -> Source:
    """Return the source of that name.

    Raises
    ------
    InputError
        With the nearest name.
    """
    known = {source.name: source for source in SOURCES}
    if name not in known:
        raise InputError(
            f"no source {name!r}{nearest(name, known)}; choose from {', '.join(known)}",
            where="fetch",
        )
    return known[name]
