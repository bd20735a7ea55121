"""The ``planbench`` command: its subcommands, and one place that turns errors into exit codes.

Exit codes: 0 fine; 1 a finding (a wrong answer, a disagreement, a run that did not end); 2 bad
input or nothing to compare; 70 an error that nobody foresaw; 130 interrupted. A command's module is
imported when the command is called, so that ``--help`` and shell completion answer at once.
"""

from __future__ import annotations

import errno
import importlib
import inspect
import io
import os
import platform
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from planbench.cli import console
from planbench.errors import PlanbenchError
from planbench.supervised import TerminatedError
from planbench.version import __version__

#: Exit code of an error of planbench itself: EX_SOFTWARE of sysexits.h.
UNFORESEEN = 70
#: What a system may say at any place: its disks, limits and names, and no fault of planbench.
_OF_THE_SYSTEM = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENOMEM, errno.EAGAIN),
        *(errno.EMFILE, errno.ENFILE, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR),
        *(errno.EACCES, errno.EPERM, errno.EISDIR),
    }
)


#: What a shell shows for a program that a closed pipe has ended: 128 + SIGPIPE.
BROKEN_PIPE = 141

#: Root of all errors typer's parser raises, wherever this version of typer keeps it.
_USAGE_ERROR: type[Exception] = next(
    base for base in typer.BadParameter.__mro__ if base.__mro__[1] is Exception
)


#: One entry for each Ctrl-C of this process.
_interrupts: list[bool] = []


class InterruptedRunError(PlanbenchError):
    """Ctrl-C; says what is kept."""

    exit_code = 130


class _ClosedPipeError(Exception):
    """Whoever read the output has gone."""


#: Commands by panel of the help, with their lines there. A command is the function of its name in
#: the module of its name, or of :data:`_MODULES`.
PANELS = {
    "Inspect": {
        "instances": "List the built-in instances.",
        "solvers": "List the solvers, whether they can run here, and how each is set up.",
        "suites": "List the suites that bench can run, or show one in full.",
        "info": "Show sizes, density, hash, recipe, checks and statistics of an INSTANCE.",
    },
    "Plan": {
        "solve": "Compute a plan, certify it, and show it.",
        "verify": "Certify a PLAN for an INSTANCE: how good is it, proven from the instance alone.",
    },
    "Measure": {
        "compare": "Run several solvers on INSTANCEs and show how they did.",
        "bench": "Run a suite and show how cost grows with size.",
        "ab": "Compare two sides on INSTANCEs: versions, commits or options.",
        "bisect": "Find the version of a list in which the cost or the answer of a solver changed.",
        "report": "Write a report with tables and charts, one self-contained HTML page.",
        "regress": "Compare two runs of bench, layer by layer, worst first.",
        "history": "Draw every figure over the runs in DIR and name its steps: when, with "
        "what, by how much.",
        "scaling": "Fit how cost grows with the number of goods, and predict.",
        "study": "Ask what a plan is worth after a shock, or when it was made from wrong data.",
    },
    "Files": {
        "generate": "Generate an economy from a recipe and write it to a file.",
        "import": "Make an economy of a published input-output table.",
        "fetch": "Download published input-output tables from their official source.",
        "disaggregate": "Split the industries of a table into goods.",
        "export": "Write an INSTANCE or measurements in another format, by the ending of FILE.",
    },
}
#: Modules of commands that have none of their own name.
_MODULES = {
    **dict.fromkeys(("instances", "solvers", "suites"), "listings"),
    **dict.fromkeys(("import", "fetch"), "tables"),
    "bisect": "ab",
    "history": "regress",
    "disaggregate": "generate",
}


def _command(name: str) -> Any:
    """Import a command's module, and make the command."""
    module = importlib.import_module(f"planbench.cli.{_MODULES.get(name, name)}")
    # Python has no function of the name import.
    function = getattr(module, "import_table" if name == "import" else name)
    text, _, examples = inspect.cleandoc(function.__doc__).partition("\n\nExamples\n--------\n")
    about = text.partition("\n\nParameters\n----------\n")[0]
    epilog = console.examples(*examples.splitlines())
    alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
    alone.command(name, help=console.help_text(about), epilog=epilog)(function)
    return typer.main.get_command(alone)


class _Commands(TyperGroup):
    """The group of all commands; errors leave it in planbench's own types."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        for panel, commands in PANELS.items():
            for name, summary in commands.items():
                # In lists of commands, until the command itself is called.
                self.commands[name] = TyperCommand(
                    name, help=summary, rich_help_panel=panel, rich_markup_mode="rich"
                )

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] in self.commands:
            self.commands[args[0]] = _command(args[0])
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise InterruptedRunError(str(error) or "interrupted") from None
        except BrokenPipeError:
            raise _ClosedPipeError from None


app = typer.Typer(
    name="planbench",
    cls=_Commands,
    help="Measure how hard it is to compute an optimal economic plan.",
    epilog=console.examples(
        "planbench instances",
        "planbench solve us-bea-71 --solver highs-ipm",
        "planbench compare cockshott-five-year --solvers all",
        "planbench bench",
    ),
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=True,
)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"planbench {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        # The help is printed by typer itself, or handed back, depending on its version.
        text = context.get_help()
        if text:
            print(text)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; every error becomes one line.

    Parameters
    ----------
    arguments : sequence of str
        Without the program's name.
    """
    try:
        code = app(args=list(arguments), prog_name="planbench", standalone_mode=False)
        sys.stdout.flush()
        if code == 130:
            raise KeyboardInterrupt  # typer's word for one that came before the command began
    except PlanbenchError as error:
        console.error(str(error))
        return error.exit_code
    except _USAGE_ERROR as error:
        console.error(_usage_line(error))
        return 2
    except (KeyboardInterrupt, typer.Abort):
        console.error("interrupted")
        return 130
    except (_ClosedPipeError, BrokenPipeError):
        # Python flushes standard output at exit and would complain about the pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a panic of a library written in Rust is no Exception
        if _interrupts:
            # Libraries make other errors of a Ctrl-C that comes while they are imported.
            console.error("interrupted")
            return 130
        return _say_unforeseen(error, arguments)
    return code if isinstance(code, int) else 0


def _say_unforeseen(error: BaseException, arguments: Sequence[str]) -> int:
    """Say in one line what went wrong; return the exit code.

    Parameters
    ----------
    error : BaseException
        A full disk, a limit of the system or too little memory is an input error; anything
        else is a bug, whose traceback is written to a file in the temporary folder.
    arguments : sequence of str
        The command line.

    Returns
    -------
    int
        2 or :data:`UNFORESEEN`.
    """
    if isinstance(error, MemoryError):
        console.error("out of memory; use a smaller instance")
        return 2
    if isinstance(error, OSError) and error.errno in _OF_THE_SYSTEM:
        from planbench.io.files import os_error_as_input

        name = error.filename if isinstance(error.filename, str) else "the system"
        line = str(os_error_as_input(error, name, "go on"))
        console.error(line)
        return 2
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    what = " ".join(f"{type(error).__name__}: {error}".split())
    what = what if len(what) <= 200 else f"{what[:199]}…"
    console.error(
        f"planbench failed in a way it did not foresee: {what}{place}; {_keep(error, arguments)}",
    )
    return UNFORESEEN


def _keep(error: BaseException, arguments: Sequence[str]) -> str:
    """Write the details to a file that stays; say where."""
    lines = [
        f"planbench {__version__}, Python {sys.version}, {platform.platform()}",
        f"{datetime.now(UTC).isoformat(timespec='seconds')} in {os.getcwd()}",  # noqa: PTH109
        f"planbench {' '.join(map(repr, arguments))}",
        "",
        *traceback.format_exception(error),
    ]
    try:
        with tempfile.NamedTemporaryFile(
            "w",
            prefix="planbench-error-",
            suffix=".txt",
            delete=False,
            encoding="utf-8",
            errors="backslashreplace",
        ) as file:
            file.write("\n".join(lines))
    except OSError as reason:
        return f"the details could not be written ({reason.strerror}): set TMPDIR and run it again"
    return f"the details are in {file.name}"


def _usage_line(error: Any) -> str:
    parameter: Any = getattr(error, "param", None)
    if error.message and getattr(parameter, "param_type_name", "") == "option":
        said = " ".join(error.message.split()).removeprefix("Value error, ").rstrip(".")
        # pydantic's errors hold the value, and most of its messages do not.
        reasons: list[Any] = getattr(error.__cause__, "errors", list)()
        if reasons and (given := repr(reasons[0]["input"])) not in said:
            said = f"is {given}; {said[0].lower()}{said[1:]}"
        return f"{parameter.opts[0]}: {said}"
    text = " ".join(str(error.format_message()).split()).replace(": Value error, ", ": ")
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else "planbench"
    return f"{text.rstrip('.')} (see {where} --help)"


def main() -> int:
    """Run the command line of this process; called by :mod:`planbench.__main__`."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal without a character, or a file name that is no text, is no reason to fail.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # a second one, while the first was being answered
        code = 130
    except TerminatedError as ended:
        ended.die()
        raise
    if signal.getsignal(signal.SIGINT) is _interrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing is left to be said
    if code == 130:
        # Python would end itself by a signal where Ctrl-C came while it ran exec() in an import.
        os._exit(code)
    return code


def _interrupt(*_: object) -> None:
    _interrupts.append(True)
    raise KeyboardInterrupt
