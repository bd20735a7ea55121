"""Downloads against a server on this machine: files come whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import threading
import warnings
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from planbench.errors import InputError
from planbench.tables import fetch
from planbench.tables.fetch import Source


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("use.csv", "a,b\n1,2\n")
    return out.getvalue()


class Server(ThreadingHTTPServer):
    """Serves `pages`, counts requests, and can break off in the middle."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.break_off = False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_POST(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        page = self.server.pages.get(self.path)
        self.send_response(404 if page is None else 200)
        self.send_header("Content-Length", str(len(page or b"")))
        self.end_headers()
        if with_body and page is not None:
            self.wfile.write(page[: len(page) // 2] if self.server.break_off else page)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def local(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Source:
    source = Source(
        name="local",
        title="a table",
        homepage=f"{server.address}/about",
        licence="none",
        how="files",
        size="bytes",
        import_with="{folder}/use.csv",
        files=(f"{server.address}/tables.zip",),
    )
    monkeypatch.setattr(fetch, "SOURCES", (*fetch.SOURCES, source))
    monkeypatch.setenv("PLANBENCH_CACHE", str(tmp_path))
    return source


def test_files_come_with_where_they_are_from(server: Server, local: Source, tmp_path: Path) -> None:
    server.pages["/tables.zip"] = archive()
    got = fetch.fetch_table("local")
    assert not got.already_there
    assert got.folder == tmp_path / "tables" / "local"
    assert (got.folder / "use.csv").read_text() == "a,b\n1,2\n"
    note = json.loads((got.folder / "source.json").read_text())
    assert note["sha256"]["use.csv"] == hashlib.sha256(b"a,b\n1,2\n").hexdigest()
    assert note["licence"] == "none"


def test_what_is_there_is_not_downloaded_again(server: Server, local: Source) -> None:
    server.pages["/tables.zip"] = archive()
    fetch.fetch_table("local")
    asked = len(server.asked)
    assert fetch.fetch_table("local").already_there
    assert len(server.asked) == asked
    assert not fetch.fetch_table("local", fresh=True).already_there
    assert len(server.asked) > asked


def test_a_file_that_went_missing_is_fetched_again(server: Server, local: Source) -> None:
    server.pages["/tables.zip"] = archive()
    got = fetch.fetch_table("local")
    (got.folder / "use.csv").unlink()
    assert not fetch.fetch_table("local").already_there
    assert (got.folder / "use.csv").is_file()


def test_other_files_in_the_folder_stay(server: Server, local: Source, tmp_path: Path) -> None:
    server.pages["/tables.zip"] = archive()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    got = fetch.fetch_table("local", folder=mine, fresh=True)
    assert (mine / "thesis.txt").read_text() == "years of work"
    assert {path.name for path in got.files} == {"use.csv", "tables.zip"}


@pytest.mark.parametrize("fault", ["missing", "broken off", "no archive"])
def test_a_download_that_fails_leaves_nothing(
    server: Server, local: Source, tmp_path: Path, fault: str
) -> None:
    if fault != "missing":
        server.pages["/tables.zip"] = archive() if fault == "broken off" else b"<html>sorry</html>"
    server.break_off = fault == "broken off"
    with pytest.raises(
        InputError, match=r"local: the download failed \(.*get it by hand"
    ) as caught:
        fetch.fetch_table("local")
    assert "\n" not in str(caught.value)
    assert not [path for path in (tmp_path / "tables").rglob("*") if path.is_file()]


def test_without_a_way_to_the_source_one_line_says_where_to_get_it(
    local: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing listens on port 9 of this machine.
    away = Source(**vars(local) | {"files": ("http://127.0.0.1:9/tables.zip",)})
    monkeypatch.setattr(fetch, "SOURCES", (away,))
    with pytest.raises(InputError, match=r"local: the download failed \(.*refused") as caught:
        fetch.fetch_table("local")
    assert "planbench import FOLDER/use.csv" in str(caught.value)


def test_pymrio_downloads_from_the_source_it_is_told(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Only the address differs from the real source: page of links, then one file a year."""
    pytest.importorskip("pymrio")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pymrio.tools import iodownloader
    server.pages["/about"] = b'<a href="protected3/data13/wiot95_row_apr12.xlsx">1995</a>'
    server.pages["/protected3/data13/wiot95_row_apr12.xlsx"] = b"a table"
    monkeypatch.setitem(iodownloader.WIOD_CONFIG, "url_db_view", f"{server.address}/about")
    monkeypatch.setitem(iodownloader.WIOD_CONFIG, "url_db_content", f"{server.address}/")
    source = fetch.find_source("wiod-2013")
    nearby = Source(**vars(source) | {"homepage": f"{server.address}/about"})
    monkeypatch.setattr(fetch, "SOURCES", (nearby,))
    got = fetch.fetch_table("wiod-2013", year=1995, folder=tmp_path / "wiod")
    assert [path.name for path in got.files] == ["wiot95_row_apr12.xlsx"]
    assert got.files[0].read_bytes() == b"a table"
    with pytest.raises(InputError, match="offers no such table"):
        fetch.fetch_table("wiod-2013", year=1996, folder=tmp_path / "other")


@pytest.mark.parametrize("how", ["files", "pymrio"])
def test_a_source_that_never_answers_is_given_up(
    how: str, local: Source, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It takes the connection, as behind some firewalls, and says nothing."""
    pytest.importorskip("pymrio")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pymrio.tools import iodownloader
    monkeypatch.setattr(fetch, "TIMEOUT_S", 0.2)
    failed: list[str] = []

    def ask() -> None:
        try:
            name, year = ("wiod-2013", 1995) if how == "pymrio" else ("local", None)
            fetch.fetch_table(name, year=year, folder=tmp_path / "silent")
        except InputError as error:
            failed.append(str(error))

    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/tables.zip"
        monkeypatch.setitem(iodownloader.WIOD_CONFIG, "url_db_view", address)
        away = Source(**vars(local) | {"files": (address,)})
        monkeypatch.setattr(fetch, "SOURCES", (*fetch.SOURCES[:-1], away))
        # It must not be the test that waits for ever.
        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(20)
    assert failed
    assert "the download failed" in failed[0]
    assert "get it by hand" in failed[0]


def test_names_years_and_sources_for_people_only() -> None:
    with pytest.raises(InputError, match="no source 'exiobase', nearest 'exiobase3'"):
        fetch.fetch_table("exiobase")
    with pytest.raises(InputError, match="give --year 1995 to 2011"):
        fetch.fetch_table("wiod-2013")
    with pytest.raises(InputError, match="has no year 2012"):
        fetch.fetch_table("wiod-2013", year=2012)
    with pytest.raises(InputError, match="leave --year out"):
        fetch.fetch_table("us-bea", year=2012)
    with pytest.raises(InputError, match=r"asks for an account: get it from https://worldmrio"):
        fetch.fetch_table("eora26", year=2000)


def test_every_source_says_how_it_is_imported() -> None:
    for source in fetch.SOURCES:
        assert source.how in ("pymrio", "files", "by hand")
        assert (source.how == "files") == bool(source.files)
        assert (source.how == "by hand") == bool(source.reason)
        assert source.command("here").startswith("planbench import here")
