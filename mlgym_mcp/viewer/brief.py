"""A task's brief as HTML: Markdown that may say everything and do nothing."""

from collections.abc import Iterator, Sequence
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

DEEPEST = 6
"""The lowest heading of HTML."""
ALIGNED = {"text-align:right": "right", "text-align:center": "centre", "text-align:left": "left"}
"""What the parser writes as a style, which the page's policy keeps from having effect, as classes."""


def brief_html(text: str, *, title: str = "", below: int = 2) -> Markup:
    """Markdown as HTML. HTML in it stands there as text, and pictures are left out.

    Args:
        text: The Markdown.
        title: What the page is called already: a first heading that says the same is left out.
        below: The level of the page's heading that it stands under.
    """
    parser = _parser()
    tokens = _without_title(parser.parse(text), title)
    for token in _all(tokens):
        _fit(token, below)
    # The parser escapes all text, has no HTML of its own, and lets no link run a program.
    return Markup(parser.renderer.render(tokens, parser.options, {}))  # noqa: S704


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def _without_title(tokens: list[Token], title: str) -> list[Token]:
    begins = len(tokens) > 1 and tokens[0].type == "heading_open"
    return tokens[3:] if begins and tokens[1].content.strip() == title else tokens


def _fit(token: Token, below: int) -> None:
    if token.type in ("heading_open", "heading_close"):
        token.tag = f"h{min(DEEPEST, int(token.tag[1:]) + below - 1)}"
    if token.type == "link_open":
        token.attrSet("rel", "noreferrer nofollow")
    if (style := token.attrs.pop("style", None)) is not None:
        token.attrSet("class", ALIGNED[str(style)])


def _all(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(token.children or ())
