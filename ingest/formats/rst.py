"""reStructuredText → HTML, by docutils. Nothing outside the text is read: no includes, no raw HTML."""

from docutils.core import publish_string

_SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": 5,  # Directives of Sphinx are unknown here; their text stays.
    "halt_level": 5,
    "output_encoding": "unicode",
    "input_encoding": "unicode",
    "syntax_highlight": "none",
    "embed_stylesheet": False,
    "math_output": "LaTeX",
    "doctitle_xform": False,  # A document's only section is not its subtitle.
    "initial_header_level": "1",
}


def rst_to_html(text: str) -> str:
    return str(publish_string(text, writer="html5", settings_overrides=_SETTINGS))
