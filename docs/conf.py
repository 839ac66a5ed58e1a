"""Sphinx configuration of the documentation site; `make docs` builds it from the repository's root into build/docs."""

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

import dvm_runtimes

project = "DVM"
version = release = dvm_runtimes.__version__
author = project_copyright = "The DVM authors"

# The root is the source folder, so that a link means the same on the site and on a forge.
root_doc = "docs/index"
include_patterns = [
    "docs/**",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "tests/README.md",
    "vscode-extension/README.md",
]
exclude_patterns = [".*", "build", "**/node_modules"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
myst_heading_anchors = 3

# Docstrings: Google style, and a name in single backquotes is a link where it is on a page.
default_role = "py:obj"
autodoc_default_options = {"members": True, "show-inheritance": True}
autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"DVM {version}"
html_favicon = "../vscode-extension/images/icon.svg"
templates_path = ["_templates"]
html_additional_pages = {"index": "to_docs.html"}
html_copy_source = html_show_sourcelink = False


def is_field(app: Sphinx, what: str, name: str, member: object, skip: bool, options: object) -> bool | None:
    """Leave a named tuple's fields to its docstring: they have none but "Alias for field number 0"."""
    return True if type(member).__name__ == "_tuplegetter" else None


def setup(app: Sphinx) -> None:
    """Register the above, and the language of the blocks that tests read as plain text."""
    app.connect("autodoc-skip-member", is_field)
    app.add_lexer("tree", TextLexer)
