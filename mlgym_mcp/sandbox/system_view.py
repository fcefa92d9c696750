"""What of the host's system a bubblewrap sandbox sees: loader, libraries, interpreter and core tools, from a list.

Never /home, /opt, /srv, /var, /root or the server's own files; never /usr/share as a whole, where data packages put
their files (Debian's Fashion-MNIST puts the test labels there).
"""

from collections.abc import Iterator
from pathlib import Path

FOLDERS = (
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/include",
    "/usr/share/file",
    "/usr/share/misc",
    "/usr/share/perl",
    "/usr/share/perl5",
    "/usr/share/terminfo",
    "/usr/share/zoneinfo",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    # Certificate authorities, without which no program trusts a host that its task may reach.
    "/etc/ssl/certs",
    "/etc/pki/ca-trust/extracted",
    "/etc/pki/tls/cert.pem",
    "/usr/local/share/ca-certificates",
    "/usr/share/ca-certificates",
)
LOCAL = ("/usr/local/bin", "/usr/local/lib")
"""Bound only where the interpreter lives there."""
LINKED = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")
"""Links into /usr on a merged system, folders of their own elsewhere."""

PASSWD = b"agent:x:1000:1000:agent:/workspace:/bin/bash\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"
GROUP = b"agent:x:1000:\nnogroup:x:65534:\n"


def system_view(interpreter: Path) -> Iterator[str]:
    """The bubblewrap arguments that show the system to a sandbox."""
    local = LOCAL if interpreter.is_relative_to("/usr/local") else ()
    for folder in (*FOLDERS, *local):
        yield from ("--ro-bind-try", folder, folder)
    for name in LINKED:
        path = Path(name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), name)
        else:
            yield from ("--ro-bind-try", name, name)
