"""The command ``planbench``, also as ``python -m planbench``.

Nothing is imported here but what Python has loaded anyway, so that Ctrl-C is answered while
the rest is being imported.
"""

import os
import signal
import sys


def main() -> None:
    """Entry point of the ``planbench`` command."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # A KeyboardInterrupt out of an import may come as an ImportError, or with a traceback.
        signal.signal(signal.SIGINT, _leave)
    from planbench.cli.main import main as run

    sys.exit(run())


def _leave(*_: object) -> None:
    os.write(2, b"error: interrupted\n")
    os._exit(130)


if __name__ == "__main__":
    main()
