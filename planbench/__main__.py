"""``python -m planbench`` is ``planbench``."""

from planbench.cli.main import main

if __name__ == "__main__":
    main()
