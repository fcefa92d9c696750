"""The search for hidden bytes finds them wherever an agent could read them."""

from pathlib import Path

from mlgym_mcp.check.hidden import PATTERNS, Patterns, as_json, search_program
from tests.gateway import open_gateway

SECRET = b"the answers, in the middle of a file: 41c2"
PLACES = ("/tmp/a", "/workspace/deep/er/b", "/dev/shm/c")


async def test_planted_bytes_are_found_and_others_are_not(tmp_path: Path, cache_dir: Path) -> None:
    patterns = {f"file {place}": SECRET + place.encode() for place in PLACES}
    wanted = Patterns({**patterns, "absent": b"what nobody wrote anywhere"}, ())
    async with open_gateway(tmp_path, cache_dir) as gateway:
        session = await gateway.start("battle-of-the-sexes-v1")
        for place in PLACES:
            text = "x" * 100 + SECRET.decode() + place + "y" * 100
            await gateway.bash(session, f"mkdir -p $(dirname {place}); printf '%s' '{text}' > {place}")
        await gateway.create(session, PATTERNS, as_json(wanted))
        await gateway.create(session, "search.py", search_program())
        shown = await gateway.bash(session, "python3 search.py")
    for place in PLACES:
        assert f'"file {place}": "{place}"' in shown
    assert "absent" not in shown
