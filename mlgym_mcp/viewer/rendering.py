"""Pages as HTML: templates that escape everything, and the filters that they have."""

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mlgym_mcp.viewer import files, numbers
from mlgym_mcp.viewer.naming import public_id
from mlgym_mcp.viewer.text import marked, shown

FILTERS = {
    "shown": shown,
    "marked": marked,
    "number": numbers.number,
    "count": numbers.count,
    "duration": numbers.duration,
    "size": numbers.size,
    "moment": numbers.moment,
    "machine_time": numbers.machine_time,
    "public_id": public_id,
}


class Rendering:
    """The templates of pages."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        """`known`: what every page is given."""
        self._environment = Environment(
            loader=PackageLoader("mlgym_mcp.viewer"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(FILTERS)
        self._environment.globals.update(NOTHING=numbers.NOTHING, asset=_asset, **known)

    def page(self, template: str, facts: Mapping[str, Any]) -> str:
        """A whole page."""
        return self._environment.get_template(template).render(facts)

    def part(self, template: str, macro: str, *arguments: Any) -> Markup:
        """A part of one: what a macro of a template makes of the arguments."""
        return Markup(getattr(self._environment.get_template(template).module, macro)(*arguments))


@cache
def _asset(name: str) -> str:
    """The address of a file of `static/`, another one with each of its versions, so that browsers may keep it."""
    return f"/static/{name}?v={hashlib.sha256((files.FOLDER / name).read_bytes()).hexdigest()[:12]}"
