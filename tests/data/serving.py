"""A web server on this machine that gives files out, and breaks off or changes them when told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Files:
    """What the server has, how it behaves, and what it was asked for."""

    contents: dict[str, bytes] = field(default_factory=dict)
    address: str = ""
    breaks_after: list[int] = field(default_factory=list)
    """Bytes after which each of the first answers breaks off."""
    resumes: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and Range of each request."""

    def url(self, path: str) -> str:
        return f"{self.address}/{path}"


@contextmanager
def serving(contents: dict[str, bytes]) -> Iterator[Files]:
    """Serve files until the block ends."""
    files = Files(dict(contents))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, wanted = self.path.lstrip("/"), self.headers.get("Range")
            files.asked.append((path, wanted))
            content = files.contents.get(path)
            if content is None:
                self.send_error(404)
                return
            mark = f'"{hash(content)}"'
            start = 0
            if wanted and files.resumes and self.headers.get("If-Range") == mark:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Type", "text/html")  # the only thing that pip takes for an index
            self.send_header("ETag", mark)
            self.send_header("Content-Length", str(len(content) - start))
            self.send_header("Connection", "close")
            self.end_headers()
            most = files.breaks_after.pop(0) if files.breaks_after else len(content)
            self.wfile.write(content[start:][:most])
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        files.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield files
        finally:
            server.shutdown()
            thread.join()
