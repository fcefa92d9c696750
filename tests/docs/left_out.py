"""What the pages say to type and no test of this folder runs: each by its page and first line, with the reason."""

from tests.docs.pages import Block

COMPOSE = "MLGYM_MCP_TOKEN=$(openssl rand -hex 32) docker compose --file docker/compose.yaml up --build --detach"
IMAGE = "docker build --file docker/server.Dockerfile --build-arg EXTRAS=ray,telemetry --tag mlgym-mcp-server:ray ."
GAMES = "mlgym-mcp run --task game-theory --agent baseline --agent random --attempts 4 --concurrency 4 --to runs/games"
VIEW_RUN = "mlgym-mcp view runs/games          # beside the sessions of the data folder, where there is one"

ELSEWHERE = {
    ("README.md", "mlgym-mcp connect claude-code --write"): "tests/strangers/test_readme_snippets.py",
    ("README.md", "mlgym-mcp connect claude-code --project --write"): "tests/strangers/test_readme_snippets.py",
    ("README.md", "mlgym-mcp serve --http"): "tests/strangers/test_readme_snippets.py",
    ("README.md", "mlgym-mcp connect claude-code --url http://127.0.0.1:8765/mcp --write"): (
        "tests/strangers/test_readme_snippets.py"
    ),
    ("README.md", "ask() { # method, parameters, and the name of what is asked for, if it has one"): (
        "tests/strangers/test_readme_snippets.py"
    ),
    ("docs/adding-a-task.md", "*"): "tests/check/test_adding_a_task.py",
}
"""Run by another test. The star stands for all of a page."""

NOT_HERE = {
    ("README.md", "mlgym-mcp report runs/games"): "scores.csv is the reader's; tests/clients/reports has both forms",
    ("README.md", ".ci/demo"): "sets up a machine; CI runs it",
    ("README.md", ".ci/run"): "sets up a machine; CI runs it",
    ("docs/air-gapped.md", "pip wheel --quiet --wheel-dir wheels ."): "needs a registry, and fetches 25 GB",
    ("docs/cluster.md", "export RAY_AUTH_MODE=token"): "needs machines; tests/docker/test_slurm.py starts Ray alike",
    ("docs/cluster.md", "export MLGYM_MCP_TOKEN=$(openssl rand -hex 32)"): "needs Slurm; tests/docker/test_slurm.py",
    ("docs/cluster.md", IMAGE): "builds an image",
    ("docs/cluster.md", "kubectl create secret generic mlgym-mcp-secrets \\"): "needs Kubernetes with KubeRay",
    ("docs/first-session.md", "python3 -m venv ~/mlgym"): "needs a registry; .ci/demo does the same",
    ("docs/gpus.md", "mlgym-mcp serve --http --gpus 0,1"): "needs GPUs",
    ("docs/viewer.md", VIEW_RUN): "the run is the reader's; tests/viewer looks at one both ways",
    ("docs/gpus.md", "mlgym-mcp env prepare torch-cuda"): "needs a registry, and fetches 5 GB",
    ("docs/hosting.md", COMPOSE): "builds images; tests/docker/test_compose.py does the same",
}
"""Can't be run where the tests are. Commands of ours are looked at all the same."""

EXHAUSTIVE = {
    ("README.md", GAMES): "two dozen attempts",
    ("docs/air-gapped.md", "*"): "commands that read every task",
    ("docs/claude-code.md", "*"): "tests/strangers has the like of it in every run",
    ("docs/evaluating-a-model.md", "*"): "two attempts and three reports",
    ("docs/evaluating-an-agent.md", "*"): "two attempts and a report",
    ("docs/first-session.md", "# session.py"): "clients/examples has the like of it in every run",
    ("docs/first-session.md", "$ MLGYM_MCP_LOG_LEVEL=warning python3 session.py"): "the same",
    ("docs/gpus.md", "mlgym-mcp doctor"): "tests/test_doctor.py has the like of it in every run",
    ("docs/gym.md", "import gymnasium"): "tests/clients/test_gym.py has the like of it in every run",
}
"""Takes too long for every run of the tests."""

LISTS = {"elsewhere": ELSEWHERE, "not here": NOT_HERE, "exhaustive": EXHAUSTIVE}


def listed(block: Block) -> str | None:
    """The list that has a block, if one has."""
    first = block.text.split("\n", 1)[0]
    for name, entries in LISTS.items():
        if (block.page, first) in entries or (block.page, "*") in entries:
            return name
    return None
