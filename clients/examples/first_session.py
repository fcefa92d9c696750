"""The smallest attempt: start a server and a session, look around, submit the starter files as they are.

python clients/examples/first_session.py [option of `mlgym-mcp serve`]…
"""

import sys

import anyio
from mcp import Client, StdioServerParameters

TASK = "battle-of-the-sexes-v1"


async def main() -> None:
    command = ["-m", "mlgym_mcp", "serve", *sys.argv[1:]]
    server = StdioServerParameters(command=sys.executable, args=command)
    async with Client(server) as client:
        started = await client.call_tool("start", {"task": TASK})
        assert started.structured_content, started.content
        session = started.structured_content["session"]

        listed = await client.call_tool("bash", {"command": "ls -l", "session": session})
        print(*(block.text for block in listed.content if block.type == "text"))

        submitted = await client.call_tool("submit", {"session": session})
        assert submitted.structured_content, submitted.content
        print(submitted.structured_content["outcome"], submitted.structured_content["scores"])


anyio.run(main)
