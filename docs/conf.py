"""The site, built by Sphinx: `make docs`. It loads nothing from other hosts."""

from __future__ import annotations

from typing import ClassVar

import mmdr
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

import paidflow  # noqa: F401  # what is documented must be importable

project = "paidflow"
copyright = "The paidflow authors, MIT licence"
version = release = "0.1.0"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["deflist"]
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_custom_sections = [("Class attributes", "params_style")]
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80

html_theme = "alabaster"
html_static_path = ["_static"]  # the theme reads custom.css
html_title = "paidflow"
html_show_sourcelink = False
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "description": "An event-sourced payment state machine for paid actions.",
    "fixed_sidebar": True,
    "page_width": "1100px",
    "sidebar_width": "240px",
}


class Mermaid(Directive):
    """A diagram that is drawn while the site is built."""

    has_content: ClassVar[bool] = True

    def run(self) -> list[nodes.Node]:
        """The diagram as an image inside the page."""
        picture = mmdr.render("\n".join(self.content)).svg
        drawn = picture() if callable(picture) else picture
        return [nodes.raw("", f'<figure class="diagram">{drawn}</figure>', format="html")]


def setup(app: Sphinx) -> None:
    """Register what is our own."""
    app.add_directive("mermaid", Mermaid)
