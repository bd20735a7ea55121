"""How Sphinx builds the documentation: ``make docs``."""

import importlib.metadata

project = "planbench"
author = "The planbench authors"
copyright = "2026, the planbench authors"
release = version = importlib.metadata.version("planbench")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

# Headings are targets, so that page.md#heading is a link that is checked.
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]

napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # docstrings say the types, with shapes and units
autodoc_default_options = {"members": True}

html_theme = "furo"
html_title = f"planbench {version}"
html_static_path = []
html_show_sourcelink = False
