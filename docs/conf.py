"""Configuration of the documentation; `make docs` builds it."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from generate_functions import write_pages

import funcnet

project = "funcnet"
author = "The funcnet developers"
version = release = funcnet.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
exclude_patterns = ["_build", "_templates"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
templates_path = ["_templates"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_typehints = "none"  # numpydoc's sections name the types
numpydoc_class_members_toctree = False
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "funcnet"


def setup(app: Any) -> None:
    """Write the functions' pages before Sphinx looks for sources."""
    app.connect("config-inited", lambda app, config: write_pages(Path(app.srcdir) / "functions"))  # noqa: ARG005
