"""How Sphinx makes a site of docs/: `./launch/site.sh`, or tests/test_site.py.

Sphinx, MyST and furo, since they are released several times a year; MkDocs was last in 2024, and
its theme Material only maintains. Sources begin at the root of the repository, not here, so that a
link from one file to another is the same on the site and on the code host.
"""

import os
import pathlib
import sys

from pygments.lexers import PythonLexer

FOLDER = pathlib.Path(__file__).parent
ROOT = FOLDER.parent
sys.path[:0] = [str(ROOT), str(FOLDER / "extensions")]  # this copy of the package
os.environ.setdefault("KERAS_BACKEND", "jax")  # the API pages import everything; the quickest

from state_of_sparsity.version import __version__  # noqa: E402

project = "state_of_sparsity"
html_show_copyright = False
release = version = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "docstrings",
    "folders",
    "lists_of_pages",
    "public_names",
    "summaries",
]

root_doc = "docs/index"
include_patterns = ["docs/**", "examples/**", "*.md"]
# Folders that are not looked into: environments and runs hold many files.
exclude_patterns = [
    path.name for path in ROOT.iterdir() if path.is_dir() and path.name not in ("docs", "examples")
]

nb_execution_mode = "off"  # the tests run them
nb_merge_streams = True
nb_output_stderr = "remove"  # what TensorFlow logs
myst_heading_anchors = 4

highlight_language = "none"  # of a fence that does not say
default_role = "literal"  # docstrings have Markdown's backticks
autodoc_preserve_defaults = True
autodoc_typehints = "none"  # in words, with shapes and units
autodoc_member_order = "bysource"
autosummary_generate = False
napoleon_custom_sections = [("Call arguments", "params_style")]
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
toc_object_entries_show_parents = "hide"

html_theme = "furo"
pygments_dark_style = "github-dark"
html_title = f"state_of_sparsity {version}"
html_extra_path = ["site_root"]  # index.html, which leads here
html_copy_source = False
html_show_sphinx = False
html_use_index = True
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


def setup(app):
    """Lets fences say `gin`, whose files are nearly Python."""
    app.add_lexer("gin", PythonLexer)
