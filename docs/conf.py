"""The documentation site; built by `python -m sphinx -W -c docs . build/docs` in the repository's folder.

The source folder is the repository, so that one link is right on a code host, in an editor and on the site.
"""

import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
sys.path[:0] = [str(REPOSITORY / folder) for folder in (".", "clients", "docs/_ext")]

from mlgym_mcp import __version__  # noqa: E402 - found by the line above

project = "mlgym-mcp"
author = "mlgym-mcp contributors"
copyright = author
release = version = __version__

extensions = ["myst_parser", "reference"]
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "benchmarks/RESULTS.md",
    "clients/README.md",
    "docker/README.md",
    "docs/*.md",
]
exclude_patterns = [".*", "build", "tests", "tasks"]  # not looked through at all
myst_heading_anchors = 4
nitpicky = True

highlight_language = "none"  # of blocks that name none

html_theme = "furo"
html_title = "mlgym-mcp"
html_extra_path = ["_root"]
html_copy_source = False
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
