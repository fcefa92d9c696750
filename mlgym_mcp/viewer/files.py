"""The files of pages: styles and the one script."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

FOLDER = Path(__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
KEPT = {"Cache-Control": "max-age=31536000, immutable"}
"""Their addresses change with what is in them."""


async def static_file(request: Request) -> Response:
    """One of them."""
    path = FOLDER / Path(request.path_params["name"]).name
    if path.suffix not in TYPES or not path.is_file():
        return PlainTextResponse("There is no such file.", status_code=404)
    return FileResponse(path, media_type=TYPES[path.suffix], headers=KEPT)
