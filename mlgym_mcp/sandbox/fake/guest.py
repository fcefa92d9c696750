"""The guest: the operations of the real one, on files and jobs in memory."""

import json
import stat
from collections.abc import Callable

from mlgym_mcp.sandbox.base import SandboxSpec
from mlgym_mcp.sandbox.fake.files import FakeFiles
from mlgym_mcp.sandbox.fake.jobs import FakeJob, FakeJobs
from mlgym_mcp.sandbox.fake.programs import RunningProgram, StartProgram
from mlgym_mcp.sandbox.fake.refusal import Refused
from mlgym_mcp.sandbox.fake.stream import FakeStream, Reply
from mlgym_mcp.sandbox.frames import CHUNK, Header

Operation = Callable[[FakeStream, Header, bytes, Reply], None]


class FakeGuest:
    """One fake sandbox. `end` it to see what is above cope."""

    def __init__(self, spec: SandboxSpec, start_program: StartProgram) -> None:
        self.spec = spec
        self.files = FakeFiles(spec.mounts)
        self.jobs = FakeJobs(self.files)
        self.lifetime = spec.lifetime
        """As last renewed, in seconds."""
        self.streams: list[FakeStream] = []
        self.ended = False
        self._start_program = start_program
        self._answers: dict[str, tuple[Header, bytes]] = {}
        self._uploads: list[tuple[str, bytearray]] = []
        self._transfers: list[bytearray] = []
        self._programs: dict[int, RunningProgram] = {}
        self._operations: dict[str, Operation] = {
            name.removeprefix("_op_"): getattr(self, name) for name in dir(self) if name.startswith("_op_")
        }

    def end(self) -> None:
        """End the sandbox, as the kernel does when the guest dies."""
        self.ended = True
        for stream in list(self.streams):
            stream.wake()

    def handle(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        """Answer one request, now or later."""
        operation = self._operations.get(str(header.get("op")))
        try:
            if operation is None:
                raise Refused(f"there is no operation {header.get('op')!r}")
            operation(stream, header, body, reply)
        except Refused as refusal:
            reply({"ok": False, "error": str(refusal)}, b"")

    def _op_run(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        job = self.jobs.run(body, header["key"], background=header["background"])
        if job.running:
            stream.later(header["limit"], lambda: self.jobs.stop(job, "command_time"))
        self._when_done(stream, job, header, lambda: self._report(job, header, reply, detach=True))

    def _op_wait(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        job = self.jobs.get(header["job"])
        self._when_done(stream, job, header, lambda: self._report(job, header, reply))

    def _op_kill(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        self.jobs.stop(self.jobs.get(header["job"]), "killed")
        self._op_wait(stream, header, body, reply)

    def _op_input(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        def feed() -> tuple[Header, bytes]:
            self.jobs.feed(self.jobs.get(header["job"]), body)
            return {}, b""

        self._once(header, feed)
        self._op_wait(stream, header, body, reply)

    def _op_jobs(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        jobs = [{**job.describe(), "command": job.command.decode()[:200]} for job in self.jobs.all()]
        reply({}, json.dumps(jobs).encode())

    def _op_view(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        kind, data, lines = self.files.view(header["path"], header.get("first"), header.get("last"))
        reply({"kind": kind, "total_lines": lines, "truncated": False}, data)

    def _op_create(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        reply(*self._once(header, lambda: ({"overwrote": self.files.write(header["path"], body)}, b"")))

    def _op_str_replace(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        old, new = body[: header["old"]], body[header["old"] :]
        reply(*self._once(header, lambda: ({}, self.files.str_replace(header["path"], old, new))))

    def _op_insert(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        reply(*self._once(header, lambda: ({}, self.files.insert(header["path"], header["line"], body))))

    def _op_read(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        content = self.files.read(header["path"])
        reply({"size": len(content)}, content[header["offset"] :][: header["length"]])

    def _op_upload(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        if not header["mode"] & stat.S_IRUSR:
            raise Refused(f"{header['path']} can't be written: nobody could read it")
        self._uploads.append((header["path"], bytearray()))
        reply({"upload": len(self._uploads)}, b"")

    def _op_append(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        self._uploads[header["upload"] - 1][1].extend(body)
        reply({}, b"")

    def _op_finish(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        path, content = self._uploads[header["upload"] - 1]
        self.files.write(path, bytes(content))
        reply({}, b"")

    def _op_pack(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        packed, count = self.files.pack(header["paths"], header["max_size"])
        self._transfers.append(bytearray(packed))
        reply({"transfer": len(self._transfers), "files": count}, b"")

    def _op_pull(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        left = self._transfers[header["transfer"] - 1]
        chunk = bytes(left[:CHUNK])
        del left[:CHUNK]
        reply({"end": not chunk}, chunk)

    def _op_spawn(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        number = len(self._programs) + 1
        self._programs[number] = RunningProgram(self._start_program(self, header["argv"], header["env"]))
        reply({"program": number}, b"")

    def _op_send(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        self._programs[header["program"]].send(body)
        reply({}, b"")

    def _op_receive(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        self._programs[header["program"]].receive(lambda data: reply({}, data))

    def _op_close(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        reply({"exit": 0}, b"")

    def _op_renew(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        self.lifetime = header["lifetime"]
        reply({}, b"")

    def _once(self, header: Header, act: Callable[[], tuple[Header, bytes]]) -> tuple[Header, bytes]:
        key = header["key"]
        if key not in self._answers:
            self._answers[key] = act()
        return self._answers[key]

    def _when_done(self, stream: FakeStream, job: FakeJob, header: Header, tell: Callable[[], None]) -> None:
        if not job.running or header.get("wait", 0) <= 0:
            return tell()

        def ended() -> None:
            stream.cancel(timer)
            tell()

        def overran() -> None:
            job.waiting.remove(ended)
            tell()

        job.waiting.append(ended)
        timer = stream.later(header["wait"], overran)

    def _report(self, job: FakeJob, header: Header, reply: Reply, *, detach: bool = False) -> None:
        if detach:
            self.jobs.detach(job)
        reply(*self.jobs.report(job, header.get("offset", 0)))
