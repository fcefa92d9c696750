"""What a peer may ask of the guest, by name, and how it is answered."""

import json
from typing import Any, Callable

from files import Files
from job import Job, describe
from jobs import EDGE, Jobs
from lease import Lease
from once import Answer, Once
from pack import Packer
from peers import Header, Peer
from programs import Programs
from refusal import Refused

MAX_WAIT = 3600.0
MAX_CHUNK = 256 * 1024


class Operations:
    """Takes requests apart and answers them; some at once, some when what they wait for has happened."""

    def __init__(self, jobs: Jobs, files: Files, packer: Packer, programs: Programs, lease: Lease) -> None:
        self._jobs = jobs
        self._files = files
        self._packer = packer
        self._programs = programs
        self._lease = lease
        self._once = Once()
        self._operations: dict[str, Callable[[Peer, Header, bytes], None]] = {
            name[4:]: getattr(self, name) for name in dir(self) if name.startswith("_op_")
        }

    def handle(self, peer: Peer, header: Header, body: bytes) -> None:
        operation = self._operations.get(str(header.get("op")))
        try:
            if operation is None:
                raise Refused(f"there is no operation {header.get('op')!r}")
            operation(peer, header, body)
        except Refused as refusal:
            peer.refuse(header, str(refusal))
        except OSError as error:
            peer.refuse(header, f"the sandbox can't do it: {error.strerror or error}")
        except Exception as error:  # noqa: BLE001 -- the outermost edge: whoever asks must be answered
            peer.refuse(header, f"malformed request: {error!r}")

    def _op_run(self, peer: Peer, header: Header, body: bytes) -> None:
        self._jobs.run(
            body,
            _key(header),
            wait=_wait(header),
            limit=float(header["limit"]),
            background=bool(header.get("background")),
            report=self._reporter(peer, header, 0),
        )

    def _op_wait(self, peer: Peer, header: Header, body: bytes) -> None:
        job = self._jobs.get(str(header["job"]))
        job.when_done(self._lease.loop, _wait(header), self._reporter(peer, header, _offset(header)))

    def _op_kill(self, peer: Peer, header: Header, body: bytes) -> None:
        job = self._jobs.get(str(header["job"]))
        self._jobs.stop(job, "killed")
        job.when_done(self._lease.loop, _wait(header), self._reporter(peer, header, _offset(header)))

    def _op_input(self, peer: Peer, header: Header, body: bytes) -> None:
        job = self._jobs.get(str(header["job"]))

        def feed() -> Answer:
            self._jobs.feed(job, body)
            return {}, b""

        self._once.do(_key(header), feed)
        job.when_done(self._lease.loop, _wait(header), self._reporter(peer, header, _offset(header)))

    def _op_jobs(self, peer: Peer, header: Header, body: bytes) -> None:
        jobs = [{**describe(job, 0), "command": job.command.decode("utf-8", "replace")} for job in self._jobs.listed()]
        peer.reply(header, {"cwd": self._jobs.cwd}, json.dumps(jobs).encode())

    def _op_carried(self, peer: Peer, header: Header, body: bytes) -> None:
        carried = self._jobs.carried
        peer.reply(header, {"cwd": carried.cwd}, carried.exports)

    def _op_carry(self, peer: Peer, header: Header, body: bytes) -> None:
        self._jobs.carry(str(header["cwd"]), body)
        peer.reply(header, {})

    def _op_view(self, peer: Peer, header: Header, body: bytes) -> None:
        view = self._files.view(header["path"], header.get("first"), header.get("last"))
        answer = {"kind": view.kind, "total_lines": view.total_lines, "truncated": view.truncated}
        peer.reply(header, answer, view.data)

    def _op_create(self, peer: Peer, header: Header, body: bytes) -> None:
        self._reply_once(peer, header, lambda: ({"overwrote": self._files.create(header["path"], body)}, b""))

    def _op_str_replace(self, peer: Peer, header: Header, body: bytes) -> None:
        old = int(header["old"])
        self._reply_once(peer, header, lambda: ({}, self._files.str_replace(header["path"], body[:old], body[old:])))

    def _op_insert(self, peer: Peer, header: Header, body: bytes) -> None:
        self._reply_once(peer, header, lambda: ({}, self._files.insert(header["path"], int(header["line"]), body)))

    def _op_read(self, peer: Peer, header: Header, body: bytes) -> None:
        length = min(int(header["length"]), MAX_CHUNK)
        data, size = self._files.read(header["path"], int(header["offset"]), length)
        peer.reply(header, {"size": size}, data)

    def _op_upload(self, peer: Peer, header: Header, body: bytes) -> None:
        peer.reply(header, {"upload": self._files.upload(header["path"], int(header["mode"]) & 0o777)})

    def _op_append(self, peer: Peer, header: Header, body: bytes) -> None:
        self._files.append(int(header["upload"]), body)
        peer.reply(header, {})

    def _op_finish(self, peer: Peer, header: Header, body: bytes) -> None:
        self._files.finish(int(header["upload"]))
        peer.reply(header, {})

    def _op_pack(self, peer: Peer, header: Header, body: bytes) -> None:
        paths = [str(path) for path in header["paths"]]
        transfer, files = self._packer.begin(paths, int(header["max_size"]))
        peer.reply(header, {"transfer": transfer, "files": len(files), "size": sum(size for _, size in files)})

    def _op_pull(self, peer: Peer, header: Header, body: bytes) -> None:
        data, end = self._packer.pull(int(header["transfer"]))
        peer.reply(header, {"end": end}, data)

    def _op_spawn(self, peer: Peer, header: Header, body: bytes) -> None:
        argv = [str(word) for word in header["argv"]]
        env = {str(name): str(value) for name, value in header.get("env", {}).items()}
        peer.reply(header, {"program": self._programs.start(argv, env)})

    def _op_send(self, peer: Peer, header: Header, body: bytes) -> None:
        self._programs.get(int(header["program"])).send(body, lambda: peer.reply(header, {}))

    def _op_receive(self, peer: Peer, header: Header, body: bytes) -> None:
        self._programs.get(int(header["program"])).receive(lambda data: peer.reply(header, {}, data))

    def _op_close(self, peer: Peer, header: Header, body: bytes) -> None:
        grace = min(max(0.0, float(header.get("grace", 0.0))), MAX_WAIT)
        number = int(header["program"])
        self._programs.close(number, lambda code, errors: peer.reply(header, {"exit": code}, errors), grace)

    def _op_renew(self, peer: Peer, header: Header, body: bytes) -> None:
        self._lease.renew(float(header["lifetime"]))
        peer.reply(header, {})

    def _reply_once(self, peer: Peer, header: Header, act: Callable[[], Answer]) -> None:
        peer.reply(header, *self._once.do(_key(header), act))

    def _reporter(self, peer: Peer, request: Header, offset: int) -> Callable[[Job], None]:
        def report(job: Job) -> None:
            try:
                answer, body = self._report(job, offset)
            except Refused as refusal:
                return peer.refuse(request, str(refusal))
            peer.reply(request, answer, body)

        return report

    def _report(self, job: Job, offset: int) -> "tuple[dict[str, Any], bytes]":
        answer = describe(job, offset)
        left = max(0, answer["size"] - offset)
        if left <= 2 * EDGE:
            head, tail = job.read(offset, left) if left else b"", b""
        else:
            head, tail = job.read(offset, EDGE), job.read(max(0, answer["size"] - EDGE), EDGE)
        answer.update(head=len(head), omitted=max(0, left - len(head) - len(tail)), cwd=self._jobs.cwd)
        return answer, head + tail


def _key(header: Header) -> str:
    return str(header.get("key", ""))


def _wait(header: Header) -> float:
    return min(max(0.0, float(header.get("wait", 0.0))), MAX_WAIT)


def _offset(header: Header) -> int:
    return max(0, int(header.get("offset", 0)))
