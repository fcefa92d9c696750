"""The bodies of requests: the SDK reads one whole before it answers anything, so one that stays away is given up."""

import anyio
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

BODY_TIME = 30.0
"""Seconds in which the body of a request must arrive."""


class SlowBody(Exception):
    """Raised when a request's body is waited for in vain."""


def timely(receive: Receive, seconds: float) -> Receive:
    """`receive`, as long as it brings the body within so many seconds; once that is here it may take any time.

    What is returned raises SlowBody, and ClientDisconnect where the SDK would log the end of a half body as an error.
    """
    deadline = anyio.current_time() + seconds
    complete = False

    async def receive_in_time() -> Message:
        nonlocal complete
        if complete:
            return await receive()
        with anyio.move_on_after(deadline - anyio.current_time()):
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            complete = not message.get("more_body", False)
            return message
        raise SlowBody

    return receive_in_time
