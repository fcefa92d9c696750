"""Makes the bundle that clients install by one click: `python clients/mcpb/bundle.py [folder]`.

A bundle is a zip of a manifest, a program to start, and a project of uv's whose one dependency is our wheel, beside it.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
PROJECT = """\
[project]
name = "mlgym-mcp-bundle"
version = {version}
requires-python = ">=3.11"
dependencies = ["mlgym-mcp"]

[tool.uv]
package = false
constraint-dependencies = {constraints}

[tool.uv.sources]
mlgym-mcp = {{ path = {wheel} }}
"""


def lay_out(folder: Path) -> str:
    """Put all that a bundle holds into a folder; its version."""
    for name in ("manifest.json", "server.py"):
        shutil.copy(HERE / name, folder / name)
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    [wheel] = folder.glob("*.whl")
    pinned = (line.partition("#")[0].strip() for line in (CHECKOUT / "constraints.txt").read_text().splitlines())
    facts = {"version": manifest["version"], "constraints": list(filter(None, pinned)), "wheel": wheel.name}
    project = PROJECT.format(**{name: json.dumps(value, indent=2) for name, value in facts.items()})
    (folder / "pyproject.toml").write_text(project, encoding="utf-8")
    return str(manifest["version"])


def bundle(to: Path) -> Path:
    """Make the bundle in a folder; its path."""
    with tempfile.TemporaryDirectory() as folder:
        laid_out = Path(folder)
        version = lay_out(laid_out)
        to.mkdir(parents=True, exist_ok=True)
        made = to / f"mlgym-mcp-{version}.mcpb"
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(laid_out.iterdir()):
                archive.write(path, path.name)
    return made


if __name__ == "__main__":
    print(bundle(Path(sys.argv[1] if len(sys.argv) > 1 else "dist")))
