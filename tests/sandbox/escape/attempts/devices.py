"""Devices: those that are shown, and new ones."""

import os
import stat

from .table import attempt

HARMLESS = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"}


@attempt("a device can be opened that every sandbox could do without")
def shown() -> object:
    """But those of a GPU, which a session has been lent."""
    found = []
    for folder, _, names in os.walk("/dev"):
        for path in (os.path.join(folder, name) for name in names):
            mode = os.lstat(path).st_mode
            harmless = os.path.basename(path) in HARMLESS or folder == "/dev/pts"
            if (stat.S_ISBLK(mode) or stat.S_ISCHR(mode)) and not harmless and "nvidia" not in path:
                found.append(path)
    return found


@attempt("a device can be made")
def made() -> object:
    found = []
    for place in ("/tmp", "/workspace", "/outputs", "/dev/shm", "/dev"):
        for kind, number in ((stat.S_IFBLK, os.makedev(7, 0)), (stat.S_IFCHR, os.makedev(1, 1))):
            try:
                os.mknod(f"{place}/device", kind | 0o666, number)
                found.append((place, kind))
            except OSError:
                continue
    return found
