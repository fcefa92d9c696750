"""The group `literature`, against a server of this machine that plays recorded answers."""

import json
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from mcp import Client
from pydantic import SecretStr

from mlgym_mcp.errors import NotAvailable
from mlgym_mcp.literature import Library
from mlgym_mcp.literature.library import PAGE
from mlgym_mcp.literature.scholar import Scholar
from mlgym_mcp.literature.shelf import Shelf
from mlgym_mcp.literature.web import Web
from mlgym_mcp.settings import Settings
from tests.fakes import World
from tests.tools.stage import ERAS, Era, connected, refused, start, told

PAPER: dict[str, Any] = {
    "paperId": "204e3073870fae3d05bcbc2f6a8e263d9b72e776",
    "externalIds": {"ArXiv": "1706.03762", "CorpusId": 13756489},
    "title": "Attention is All you Need",
    "abstract": "The dominant sequence transduction models are based on recurrent networks.",
    "venue": "Neural Information Processing Systems",
    "year": 2017,
    "citationCount": 120000,
    "openAccessPdf": {"url": "", "status": None, "license": None},
    "authors": [{"authorId": str(number), "name": name} for number, name in enumerate(("Vaswani", "Shazeer"))],
}
"""As the Academic Graph tells a paper."""
LOOPBACK = (ip_network("127.0.0.0/8"),)
BULK = "/paper/search/bulk"


@dataclass
class Answers:
    """What the server gives in turn for each path, its last answer again and again; and what it was asked."""

    by_path: dict[str, list[tuple[int, dict[str, str], bytes]]] = field(default_factory=dict)
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Path, query and key of each request."""
    address: str = ""

    def say(self, path: str, content: bytes | dict[str, Any], status: int = 200, **headers: str) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.by_path.setdefault(path, []).append((status, headers, body))


@contextmanager
def playing() -> Iterator[Answers]:
    answers = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            answers.asked.append((parts.path, parts.query, self.headers.get("x-api-key")))
            given = answers.by_path.get(parts.path, [(404, {}, b"{}")])
            status, headers, body = given.pop(0) if len(given) > 1 else given[0]
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        answers.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield answers
        finally:
            server.shutdown()
            thread.join()


def library_of(answers: Answers, folder: Path, key: str | None = None) -> Library:
    scholar = Scholar(SecretStr(key) if key else None, api=answers.address, pauses=(0.0, 0.0))
    return Library(scholar, Web(schemes=("http",), private=LOOPBACK), Shelf(folder / "papers"))


@asynccontextmanager
async def reading(answers: Answers, folder: Path, era: Era = "auto") -> AsyncIterator[Client]:
    """A client with an open session, of a server whose papers come from the answers."""
    world = World(folder, literature=library_of(answers, folder))
    async with connected(world, era=era, tools=("literature",)) as client:
        await start(client)
        yield client


def pdf_of(*pages: str) -> bytes:
    """A PDF with a line of text on each page."""
    kids = " ".join(f"{3 + 2 * number} 0 R" for number in range(len(pages)))
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>"]
    font = "<< /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
    for number, text in enumerate(pages):
        content = f"BT /F 9 Tf 20 700 Td ({text}) Tj ET"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Resources {font} /Contents {4 + 2 * number} 0 R >>"
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    body, places = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, start=1):
        places.append(len(body))
        body += f"{number} 0 obj\n{text}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    trailer = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R >>\n"
    return body + f"{trailer}startxref\n{len(body)}\n%%EOF\n".encode()


@pytest.mark.parametrize("era", ERAS)
async def test_papers_are_found_and_read_for_a_step_each_and_marked_as_strangers_words(
    tmp_path: Path, era: Era
) -> None:
    with playing() as answers:
        place = f"{answers.address}/paper.pdf"
        answers.say(BULK, {"total": 1, "token": None, "data": [{**PAPER, "openAccessPdf": {"url": place}}]})
        answers.say(f"/paper/{PAPER['paperId']}", {**PAPER, "openAccessPdf": {"url": place}})
        answers.say("/paper.pdf", pdf_of("Scaled dot products", "and heads"))
        async with reading(answers, tmp_path, era) as client:
            found = await told(client, "search_papers", query="attention")
            for said in (
                "Attention is All you Need [204e30",
                "Vaswani, Shazeer",
                "2017",
                place,
                "strangers",
                "9 steps",
            ):
                assert said in found
            text = await told(client, "read_paper", paper=PAPER["paperId"])
            for said in ("Page 1 of 1", "Scaled dot products", "and heads", "never instructions", "8 steps"):
                assert said in text
            assert "Scaled" in await told(client, "read_paper", paper=place)
        assert [path for path, *_ in answers.asked] == [BULK, f"/paper/{PAPER['paperId']}", "/paper.pdf"]


async def test_a_long_paper_is_read_in_parts_and_a_part_that_it_lacks_is_told(tmp_path: Path) -> None:
    with playing() as answers:
        answers.say("/long.pdf", pdf_of(*["word " * 500] * 13))
        async with reading(answers, tmp_path) as client:
            place = f"{answers.address}/long.pdf"
            first = await told(client, "read_paper", paper=place)
            assert len(first) < 16_000
            assert "Goes on: `page`: 2" in first
            assert PAGE < len(first)
            assert "Goes on" not in await told(client, "read_paper", paper=place, page=3)
            assert "It has 3 pages" in await refused(client, "read_paper", paper=place, page=4)


async def test_papers_that_can_be_read_are_asked_for_first_and_others_where_there_are_none(tmp_path: Path) -> None:
    with playing() as answers:
        answers.say(BULK, {"total": 0, "token": None, "data": []})
        closed = {**PAPER, "externalIds": None, "openAccessPdf": None, "abstract": None}
        answers.say(BULK, {"total": 1, "token": None, "data": [closed]})
        found = await library_of(answers, tmp_path, key="sesame").search("attention", 5)
        assert "not free to read" in found
        assert [("openAccessPdf=" in query, key) for _, query, key in answers.asked] == [
            (True, "sesame"),
            (False, "sesame"),
        ]


async def test_whoever_asks_too_often_is_asked_for_again_and_told_in_the_end_and_it_is_free(tmp_path: Path) -> None:
    with playing() as answers:
        answers.say(BULK, b"{}", 429)
        async with reading(answers, tmp_path) as client:
            refusal = await refused(client, "search_papers", query="attention")
            assert "too much to do" in refusal
            assert "10 steps" in refusal
        assert len(answers.asked) == 3


@pytest.mark.parametrize(
    ("status", "location", "content", "why"),
    [
        (200, None, b"<html>", "no PDF"),
        (200, None, b"%PDF-1.4 broken", "no text that can be read"),
        (403, None, b"", "answered 403"),
        (302, "http://169.254.169.254/latest", b"", "private network"),
        (302, "file:///etc/passwd", b"", "Only addresses such as"),
        (302, "/paper.pdf", b"", "more than 5 times"),
        (200, None, pdf_of("x" * 5000), "more than 0 MiB"),
    ],
    ids=["no PDF", "broken", "forbidden", "inward", "another scheme", "in circles", "too large"],
)
async def test_what_cannot_or_may_not_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, location: str | None, content: bytes, why: str
) -> None:
    monkeypatch.setattr("mlgym_mcp.literature.library.LARGEST_PDF", 4000)
    with playing() as answers:
        answers.say("/paper.pdf", content, status, **({"Location": location} if location else {}))
        with pytest.raises(NotAvailable, match=why):
            await library_of(answers, tmp_path).read(f"{answers.address}/paper.pdf", 1)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://example.org/paper.pdf", "Only addresses such as https://"),
        ("https://user@example.org/paper.pdf", "Only addresses"),
        ("https://127.0.0.1/paper.pdf", "private network"),
        ("https://[::ffff:10.0.0.1]/paper.pdf", "private network"),
        ("https://", "Only addresses"),
        ("https://a b/", "no address"),
    ],
)
async def test_a_server_reads_over_https_and_from_public_addresses_alone(address: str, why: str) -> None:
    with pytest.raises(NotAvailable, match=why):
        await Web().fetch(address, most=1)


def test_a_shelf_that_is_full_gives_up_what_was_longest_unread(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "papers", room=25)
    for address in ("a", "b"):
        shelf.put(address, "x" * 10)
    for path in shelf.folder.iterdir():
        os.utime(path, (1, 1))
    shelf.get("a")
    shelf.put("c", "x" * 10)
    assert [shelf.get(address) is not None for address in ("a", "b", "c")] == [True, False, True]


def test_the_key_is_in_no_text_of_the_settings() -> None:
    settings = Settings.load(environ={"MLGYM_MCP_SEMANTIC_SCHOLAR_KEY": "sesame", "MLGYM_MCP_CONFIG": ""})
    assert "sesame" not in repr(settings)
    assert settings.semantic_scholar_key is not None
