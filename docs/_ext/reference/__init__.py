"""The directive `reference`: a part of the reference, written from the code when the site is built."""

from collections.abc import Callable, Mapping

from docutils.nodes import Node
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from reference import commands, endings, server, settings, task_yaml

PARTS: Mapping[str, Callable[[], str]] = {
    "commands": commands.written,
    "errors": endings.errors,
    "exit-statuses": endings.statuses,
    "prompts": server.prompts,
    "resources": server.resources,
    "settings": settings.written,
    "task.yaml": task_yaml.written,
    "tools": server.tools,
}


class Reference(SphinxDirective):
    """A part of the reference, by its name."""

    required_arguments = 1

    def run(self) -> list[Node]:
        """The part, as if it stood in the page."""
        self.env.note_reread()  # the code may have changed when the page has not
        return self.parse_text_to_nodes(PARTS[self.arguments[0]](), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls."""
    app.add_directive("reference", Reference)
    app.add_lexer("csv", TextLexer)  # Pygments knows none
    return {"parallel_read_safe": True}
