"""What the operator can set."""

from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sphinx.pycode import ModuleAnalyzer

from mlgym_mcp.settings import PREFIX, Settings
from reference.markdown import code, table

Model = type[BaseModel]


def written() -> str:
    """Every setting."""
    told = meanings(Settings)
    rows = [
        (f"{code(name)}<br>{code(PREFIX + name.upper())}", _default(field), _values(field) + told[name])
        for name, field in Settings.model_fields.items()
    ]
    return table(("setting, variable", "default", "meaning"), rows)


def meanings(model: Model) -> dict[str, str]:
    """What stands below each field in its class. Pydantic could keep it, at a tenth of a second for each start.

    Raises:
        LookupError: nothing stands below one.
    """
    found = ModuleAnalyzer.for_module(model.__module__).find_attr_docs()
    told = {name: "\n".join(lines) for (of, name), lines in found.items() if of == model.__name__}
    if untold := [name for name in model.model_fields if name not in told]:
        raise LookupError(f"{model.__module__}.{model.__name__}: say below {untold[0]} what it is.")
    return told


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return ""  # the machine's; the meaning says what
    match field.default:
        case None | ():
            return "none"
        case float() | int() | str() | Path():
            return code(f"{field.default:g}" if isinstance(field.default, float) else field.default)
        case other:
            raise TypeError(f"how is {other!r} written?")


def _values(field: FieldInfo) -> str:
    """The words that a setting may be, or list."""
    found = [one for one in (field.annotation, *get_args(field.annotation)) if get_origin(one) is Literal]
    return f"{', '.join(map(code, get_args(found[0])))}. " if found else ""
