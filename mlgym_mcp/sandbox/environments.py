"""bubblewrap's environments: one virtual environment a profile, made once and bound at /env in its sandboxes.

They lie in `<cache folder>/envs/<profile>-<hash>`. One is built beside its place and renamed into it, so that a
folder of that name is always whole; a file lock keeps two servers from building the same one twice.
"""

import hashlib
import importlib.util
import json
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import anyio
import structlog
from anyio import to_thread

from mlgym_mcp import lock, stamp
from mlgym_mcp.errors import BackendUnavailable, SetupError
from mlgym_mcp.sandbox import process
from mlgym_mcp.sandbox.base import ENVIRONMENT
from mlgym_mcp.sandbox.process import Progress, silent
from mlgym_mcp.sandbox.profiles import PLAIN, Profile, load, names, own_folders, short_hash

CANDIDATES = (Path("/usr/bin/python3"), Path("/usr/local/bin/python3"))
"""Where a system interpreter is looked for: never in a home folder, which no sandbox may see."""
OLDEST = (3, 9)
NAME = re.compile(r"-[0-9a-f]{12}$")
"""How the name of a whole environment's folder ends."""
_RECIPE = "1"
"""Goes up when the way an environment is made changes, so that old ones are not taken for new."""
_RECORD = "mlgym-environment.json"
_LISTING = r"""
from importlib.metadata import distributions
print(*sorted({f"{d.metadata['Name']}=={d.version}" for d in distributions()}), sep="\n")
"""

_UNREACHED = re.compile(
    "NewConnectionError|ConnectTimeout|ProxyError|SSLError|error sending request|from versions: none"
)
"""What pip and uv say where they reach no index, or none that has anything of that name."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python of the system's own."""

    path: Path
    version: str
    """Such as `3.11.2`."""


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment that is ready: what to bind at /env, and what scores name it by."""

    profile: str
    folder: Path | None
    """None for the bare interpreter, which needs no folder."""
    python: str
    packages: tuple[str, ...]
    """Every distribution as `name==version`, sorted."""

    @property
    def digest(self) -> str:
        """Names the interpreter's version and every package, wherever and whenever it was built."""
        listing = "\n".join((self.python, *self.packages))
        return f"sha256:{hashlib.sha256(listing.encode()).hexdigest()}"


async def find_interpreter() -> Interpreter:
    """The system's Python that sandboxes and environments use.

    Raises:
        BackendUnavailable: there is none that is new enough.
    """
    for path in filter(_belongs_to_the_system, CANDIDATES):
        answer = await process.run([str(path), "-I", "-c", "import platform; print(platform.python_version())"])
        version = answer.output.strip()
        if answer.exit_code == 0 and tuple(map(int, version.split(".")[:2])) >= OLDEST:
            return Interpreter(path, version)
    raise BackendUnavailable("there is no Python 3.9 or newer outside of home folders", "apt-get install python3")


class Environments:
    """The environments in one cache folder, for one interpreter."""

    def __init__(self, cache_dir: Path, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self._folder = cache_dir / "envs"
        self._cache_dir = cache_dir

    def prepared(self, profile: Profile) -> Environment | None:
        """The profile's environment if it is ready."""
        if profile.bare:
            return Environment(PLAIN, None, self.interpreter.version, ())
        folder = self._place(profile)
        if not folder.is_dir():
            return None
        stamp.touch(folder)
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        return Environment(profile.name, folder, record["python"], tuple(record["packages"]))

    async def prepare(self, profile: Profile, progress: Progress = silent) -> Environment:
        """The profile's environment, built first if it is not there; for that packages may be downloaded.

        Raises:
            SetupError: it could not be built; nothing of it is left in its place.
        """
        if (ready := self.prepared(profile)) is not None:
            return ready
        place = self._place(profile)
        _make_public_folder(self._folder)
        async with lock.exclusive(self._folder / f"{place.name}.lock"):
            if (ready := self.prepared(profile)) is not None:
                return ready
            wheels = own_folders("wheels", self._cache_dir)
            built = await _Build(self.interpreter, profile, place, wheels, progress).run()
        log.info("environment_built", profile=profile.name, folder=str(place), packages=len(built.packages))
        return built

    def all(self) -> dict[Path, bool]:
        """Every environment in the folder, and whether a shipped profile asks for it with this interpreter."""
        asked_for = {self._place(load(name)) for name in names(cuda=True)}
        return {path: path in asked_for for path in sorted(self._folder.glob("*/")) if NAME.search(path.name)}

    def _place(self, profile: Profile) -> Path:
        made_of = short_hash(_RECIPE, str(self.interpreter.path), self.interpreter.version, profile.requirements)
        return self._folder / f"{profile.name}-{made_of}"


@dataclass(frozen=True, slots=True)
class _Build:
    """One building of an environment; whoever runs it holds its lock."""

    interpreter: Interpreter
    profile: Profile
    place: Path
    wheels: Sequence[Path]
    """Folders where packages are looked for first."""
    progress: Progress

    @property
    def aside(self) -> Path:
        return self.place.with_name(f"{self.place.name}.building")

    async def run(self) -> Environment:
        await to_thread.run_sync(_remove, self.aside)  # what a build that was cut off has left
        await self.progress(f"making the environment {self.profile.name} with Python {self.interpreter.version}")
        try:
            await self._call(str(self.interpreter.path), "-I", "-m", "venv", "--without-pip", str(self.aside / "env"))
            await self._install()
            await self._compile()
            packages = await self._call(self._python, "-I", "-c", _LISTING)
            environment = Environment(self.profile.name, self.place, self.interpreter.version, tuple(packages))
            await to_thread.run_sync(_finish, self.aside / "env", environment)
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(_remove, self.aside)
        return environment

    @property
    def _python(self) -> str:
        return str(self.aside / "env/bin/python3")

    async def _install(self) -> None:
        requirements = self.aside / "requirements.txt"
        requirements.write_text(self.profile.requirements, encoding="utf-8")
        find_links = [part for folder in self.wheels for part in ("--find-links", str(folder))]
        # Or pip would find there what this environment then lacks.
        alone = ("env", "-u", "PYTHONPATH")
        installer = (*alone, *await self._installer())
        await self._call(*installer, *find_links, "--requirement", str(requirements), on_line=self._relay)

    async def _relay(self, line: str) -> None:
        """Tell what pip says, but where it looks and what it passes over."""
        if not line.startswith(("Ignoring ", "WARNING: Location")):
            await self.progress(line.partition(" (from ")[0])

    async def _installer(self) -> Sequence[str]:
        """What installs into the new environment from outside, so that it holds no pip of its own."""
        if importlib.util.find_spec("pip") is None and (uv := shutil.which("uv")):
            return [uv, "pip", "install", "--python", self._python]
        python = sys.executable
        if importlib.util.find_spec("pip") is None:
            await self._call(str(self.interpreter.path), "-I", "-m", "venv", str(self.aside / "pip"))
            python = str(self.aside / "pip/bin/python3")
        pip = [python, "-I", "-m", "pip", "--python", self._python, "--disable-pip-version-check", "--no-input"]
        return [*pip, "install", "--no-compile", "--progress-bar", "off"]

    async def _compile(self) -> None:
        """Compile ahead of time, for in a sandbox the folder is read-only. A file that doesn't compile may stay."""
        await self.progress("compiling")
        built = str(self.aside / "env")
        compileall = [self._python, "-I", "-m", "compileall", "-q", "-j", "0"]
        await process.run([*compileall, "-s", built, "-p", ENVIRONMENT, f"{built}/lib"])

    async def _call(self, *command: str, on_line: Progress = silent) -> list[str]:
        """The lines that a command prints."""
        result = await process.run(command, on_line=on_line)
        lines = result.output.splitlines()
        if result.exit_code != 0:
            log.error("environment_failed", profile=self.profile.name, output=result.output[-500:])
            raise SetupError(
                f"the environment {self.profile.name} could not be made: {_reason(lines, self.place.parent)}; "
                f"mend that and try again: mlgym-mcp env prepare {self.profile.name}"
            )
        return lines


def _reason(lines: Sequence[str], folder: Path) -> str:
    """Why a program failed: what pip says last is mostly what came of it."""
    if any("No space left on device" in line for line in lines):
        return f"the disk of {folder} is full (MLGYM_MCP_CACHE_DIR names another, mlgym-mcp prune makes room)"
    if unreached := next((line for line in lines if _UNREACHED.search(line)), None):
        told = unreached.strip()[:300]
        return f"no package index can be reached, or none has it ({told}): `pip config` names another than pip's own"
    return lines[-1] if lines else "no output"


def _finish(built: Path, environment: Environment) -> None:
    """Make a built environment one that works at /env, record what it is, and put it in its place."""
    assert environment.folder is not None
    for path in [built / "pyvenv.cfg", *(built / "bin").iterdir()]:
        if path.is_file() and not path.is_symlink() and b"\0" not in (content := path.read_bytes()):
            path.write_bytes(content.replace(str(built).encode(), ENVIRONMENT.encode()))
    record = asdict(environment) | {"folder": ENVIRONMENT, "digest": environment.digest}
    (built / _RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
    (built / _RECORD).chmod(0o644)
    built.rename(environment.folder)


def _make_public_folder(folder: Path) -> None:
    """Sandboxes run under other users' ids, whatever the umask of this server."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)


def _belongs_to_the_system(path: Path) -> bool:
    return path.exists() and path.resolve().is_relative_to("/usr")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
