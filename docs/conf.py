"""Sphinx configuration of the documentation site; `make docs` builds it from the repository's root into build/docs."""

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
