"""Battle of the Sexes: look around, try imitation, see what it earns, insist instead."""

from mlgym_clients.workbench import Grade, Workbench

IMITATE = '''"""Play what the column player played last."""


def row_strategy(history):
    return history[-1][1] if history else 0
'''

INSIST = '''"""Play 0, the meeting that pays the row player most, and never waver."""


def row_strategy(history):
    return 0
'''


async def attempt(bench: Workbench) -> Grade:
    """Two strategies, each validated; the better one is submitted."""
    await bench.bash("pwd; ls -la; cat strategy.py")
    await bench.create("/workspace/strategy.py", IMITATE)
    imitating = await bench.validate()
    await bench.create("/workspace/strategy.py", INSIST)
    insisting = await bench.validate()
    if imitating.scores.get("score", 0) > insisting.scores.get("score", 0):
        await bench.create("/workspace/strategy.py", IMITATE)
    return await bench.submit()
