"""The environment of programs: what they need of ours, and what was chosen for them."""

import os
import shutil
from collections.abc import Iterable, Mapping

from mlgym_clients.agents.agent import BadOptions

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", *PROXIES, *(name.lower() for name in PROXIES), *CERTIFICATES)
LOOPBACK = "127.0.0.1,localhost"


def surroundings(chosen: Mapping[str, str | None], keys: Iterable[str] = ()) -> dict[str, str]:
    """The environment of a program, without a home.

    Args:
        chosen: Variables with values; None: as they are in our environment.
        keys: Variables passed on where they are set.

    Raises:
        BadOptions: one was chosen that is not set.
    """
    ours = os.environ  # noqa: TID251 - passed on to programs; no setting of ours is read from it
    if missing := [name for name, value in chosen.items() if value is None and name not in ours]:
        raise BadOptions(f"options of the agent: 'environment': {', '.join(missing)} is not set here.")
    kept = {name: ours[name] for name in (*KEPT, *keys) if name in ours}
    own = {name: ours[name] if value is None else value for name, value in chosen.items()}
    # A server of our own is on this machine, where no proxy leads.
    past = ",".join(filter(None, (ours.get("NO_PROXY") or ours.get("no_proxy"), LOOPBACK)))
    return kept | {"NO_PROXY": past, "no_proxy": past} | own


def home() -> str:
    """The user's own."""
    return os.path.expanduser("~")


def where(program: str, environment: Mapping[str, str]) -> str | None:
    """The full path of a program."""
    path = shutil.which(program, path=environment.get("PATH"))
    return path and os.path.abspath(path)


def found(agent: str, program: str, package: str, environment: Mapping[str, str]) -> str:
    """Where a program is that comes from npm.

    Raises:
        BadOptions: nowhere; says how it is installed.
    """
    if (path := where(program, environment)) is None:
        raise BadOptions(
            f"the agent `{agent}` needs the program {program}: npm install --global {package}, or give its path as the "
            "option 'program'."
        )
    return path
