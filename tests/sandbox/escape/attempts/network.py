"""The network, by every family of sockets."""

import os
import socket
import struct
import sys

from .table import attempt, succeeds

ORDINARY = {socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK}
TYPES = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET)
NEWEST_FAMILY = 50
OUTSIDE = (
    ("the metadata service", socket.AF_INET, ("169.254.169.254", 80)),
    ("the metadata service (IPv6)", socket.AF_INET6, ("fd00:ec2::254", 80)),
    ("Docker's host", socket.AF_INET, ("172.17.0.1", 80)),
    ("a private network", socket.AF_INET, ("10.0.0.1", 80)),
    ("a name server", socket.AF_INET, ("1.1.1.1", 53)),
    ("all of the link", socket.AF_INET6, ("ff02::1", 80)),
    ("a public host (IPv6)", socket.AF_INET6, ("2606:4700::1111", 443)),
)
RTM_NEWLINK, RTM_NEWADDR, NLM_F_REQUEST, NLM_F_ACK, IFF_UP = 16, 20, 1, 4, 1


@attempt("a socket of a family that nobody needs can be made")
def families() -> object:
    """Among them vsock, which leads to the host of this virtual machine, packet, and the kernel's own algorithms."""
    rare = set(range(NEWEST_FAMILY)) - ORDINARY
    return [(family, int(kind)) for family in rare for kind in TYPES if succeeds(_open, family, kind)]


@attempt("packets can be written by hand")
def raw() -> object:
    ways = ((socket.AF_INET, 1), (socket.AF_INET, 255), (socket.AF_INET6, 58))
    return [(family, protocol) for family, protocol in ways if succeeds(_open, family, socket.SOCK_RAW, protocol)]


@attempt("an address outside can be reached")
def outside() -> object:
    reached = []
    for name, family, address in OUTSIDE:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(family, kind) as sock:
                sock.settimeout(2)
                try:
                    sock.connect(address)
                    sock.send(b"x")
                    reached.append((name, int(kind)))
                except OSError:
                    continue
    return reached


@attempt("a name is looked up")
def names() -> object:
    return socket.getaddrinfo("example.org", 80)


@attempt("a service listens on the sandbox's own loopback")
def loopback() -> object:
    listening = []
    for name in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        try:
            with open(f"/proc/net/{name}") as file:
                listening += [(name, line.split()[1]) for line in list(file)[1:]]
        except OSError:
            continue
    return listening


@attempt("an interface is there that leads somewhere")
def interfaces() -> object:
    with open("/proc/net/dev") as file:
        sent = {line.split(":")[0].strip(): line.split(":")[1].split() for line in list(file)[2:]}
    up = []
    for name in set(sent) - {"lo"}:
        try:
            with open(f"/sys/class/net/{name}/flags") as file:
                up += [name] if int(file.read(), 16) & IFF_UP else []
        except OSError:
            up += [name] if any(map(int, sent[name])) else []
    return up


@attempt("an interface or an address can be made by netlink")
def netlink() -> object:
    link = struct.pack("=BxHiII", 0, 0, 1, IFF_UP, IFF_UP)
    address = struct.pack("=BBBBI", socket.AF_INET, 8, 0, 0, 1) + struct.pack("=HH4s", 8, 2, bytes([10, 0, 0, 2]))
    done = []
    for kind, body in ((RTM_NEWLINK, link), (RTM_NEWADDR, address)):
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
            sock.settimeout(2)
            sock.send(struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | NLM_F_ACK, 1, 0) + body)
            (error,) = struct.unpack_from("=i", sock.recv(4096), 16)
            done += [kind] if error == 0 else []
    return done


@attempt("the host's own sockets can be found")
def paths() -> object:
    there = []
    for path in (
        "/var/run/docker.sock",
        "/run/docker.sock",
        "/run/containerd/containerd.sock",
        "/run/podman/podman.sock",
        "/run/dbus/system_bus_socket",
        "/run/systemd/private",
        "/run/systemd/journal/socket",
        "/dev/log",
        "/tmp/.X11-unix",
        "/run/nscd/socket",
    ):
        there += [path] if os.path.lexists(path) else []
    return there


@attempt("credentials can be forged over a Unix socket")
def credentials() -> object:
    """Whoever asks a peer who it is must be told the truth."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    other.setsockopt(socket.SOL_SOCKET, 16, 1)
    one.sendmsg([b"x"], [(socket.SOL_SOCKET, 2, struct.pack("=3i", 1, 0, 0))])
    return sys.platform


def _open(family: int, kind: int, protocol: int = 0) -> None:
    socket.socket(family, kind, protocol).close()
