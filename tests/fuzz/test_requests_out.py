"""What programs of a sandbox say to the proxy: it is passed on, or refused in one answer, and the proxy serves on."""

import re
import tempfile
from pathlib import Path

import anyio
import h11
from anyio.abc import ByteStream
from hypothesis import example, given
from hypothesis import strategies as st

from mlgym_mcp.egress.journal import Journal
from mlgym_mcp.egress.visit import Pass, Visit
from mlgym_mcp.tasks.network import Network
from tests.fuzz.strategies import LEAKS, spoilt, words


class Program(ByteStream):
    """A program's connection: all that it says, and what it hears."""

    def __init__(self, said: bytes) -> None:
        self._said = said
        self.heard = b""

    async def receive(self, max_bytes: int = 65536) -> bytes:
        if not self._said:
            raise anyio.EndOfStream
        piece, self._said = self._said[:max_bytes], self._said[max_bytes:]
        return piece

    async def send(self, item: bytes) -> None:
        self.heard += item

    async def send_eof(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


# No such host is anywhere, so nothing that is allowed leaves this machine.
ALLOWED = Pass("x", Network(allow=("*.example.invalid", "a.invalid", "127.0.0.1:9")), ())


def visit(said: bytes) -> bytes:
    """What a program hears."""
    program = Program(said)

    async def run(journal: Journal) -> None:
        with anyio.fail_after(30):
            await Visit(program, ALLOWED, journal).run()

    with tempfile.TemporaryDirectory() as place:
        journal = Journal(Path(place) / "egress.log")
        try:
            anyio.run(run, journal)
        finally:
            journal.close()
        [line] = (Path(place) / "egress.log").read_text().splitlines()
        assert line.endswith("}")
    return program.heard


GET = b"GET http://a.invalid/x HTTP/1.1\r\nHost: a.invalid\r\nX: y\r\n\r\n"
CONNECT = b"CONNECT a.invalid:443 HTTP/1.1\r\nHost: a.invalid\r\n\r\nhello"
TARGETS = words.map(lambda word: word.encode()) | st.sampled_from(
    [
        b"http://[::1",
        b"http://a.invalid:99999/",
        b"http://a.invalid:x/",
        b"//",
        b"*",
        b"http://@:80/",
        b"https://a.invalid/",
    ]
    + [
        b"http://" + b"a" * 70 + b".example.invalid/",
        b"http://a..example.invalid/",
        b"http://xn--a.invalid/",
        b"http://127.0.0.1:9/",
    ]
    + [b"http://%00.invalid/", b"http://a.invalid:0/", b"http://user:p@a.invalid/"]
)


@given(spoilt(GET) | spoilt(CONNECT) | st.binary(max_size=80))
@example(b"X" * 70_000)
@example(GET.replace(b"X: y", b"X: " + b"y" * 70_000))
@example(GET.replace(b"X: y", b"Content-Length: 5\r\nContent-Length: 6"))
@example(GET.replace(b"X: y", b"Transfer-Encoding: chunked\r\nContent-Length: 6"))
def test_bytes_that_may_be_a_request_get_one_answer_or_none(said: bytes) -> None:
    see_answer(visit(said))


@given(st.sampled_from([b"GET", b"CONNECT", b"POST", b"X"]), TARGETS)
@example(b"CONNECT", b"a" * 70 + b".example.invalid:443")
@example(b"CONNECT", b"a.invalid:443:443")
@example(b"CONNECT", b"[::1]:443")
def test_a_request_for_any_place_is_refused_in_one_sentence(method: bytes, target: bytes) -> None:
    answer = visit(method + b" " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer
    see_answer(answer)


def see_answer(raw: bytes) -> None:
    """See that what was heard is one refusal, whole and in HTTP."""
    if not raw:
        return
    assert re.match(rb"HTTP/1\.1 (4|5)\d\d ", raw), raw[:200]
    head, _, body = raw.partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head.lower()
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    connection.receive_data(raw)
    assert isinstance(connection.next_event(), h11.Response)
    assert not LEAKS.search(body.decode()) and body.count(b"\n") == 1
