"""What callers read of bodies that are no message: the SDK of the revisions with a handshake tells how it looked."""

import json

from starlette.types import Message, Send

INVALID = "This is no message of JSON-RPC 2.0; send one object with `jsonrpc`, `method` and, to be answered, `id`."
MALFORMED = "The body is not well-formed JSON in UTF-8."
TOLD_ANEW = {"Validation error: ": INVALID, "Parse error: ": MALFORMED}
BAD_REQUEST = 400


def plainly(send: Send) -> Send:
    """`send`, with the refusal of a body in a sentence."""
    held: Message | None = None

    async def send_plainly(message: Message) -> None:
        nonlocal held
        if message["type"] == "http.response.start" and message["status"] == BAD_REQUEST:
            held = message
            return
        if held is not None:
            start, held = held, None
            body = _told(message.get("body", b""))
            headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
            if not message.get("more_body", False):
                headers.append((b"content-length", str(len(body)).encode()))
            await send({**start, "headers": headers})
            message = {**message, "body": body}
        await send(message)

    return send_plainly


def _told(body: bytes) -> bytes:
    try:
        answer = json.loads(body)
        said = answer["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return body
    for beginning, sentence in TOLD_ANEW.items():
        if said.startswith(beginning):
            answer["error"]["message"] = sentence
            return json.dumps(answer).encode()
    return body
