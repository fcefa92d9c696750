"""Addresses: what a host's name stands for, without those that lead to the operator's own machines."""

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

import anyio

from mlgym_mcp.egress.refusal import Refusal

Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]

INWARD: Networks = (
    ip_network("168.63.129.16/32"),  # a cloud's metadata, at an address that looks like any other
    *map(ip_network, ("64:ff9b::/96", "2001::/32", "2002::/16")),  # IPv4 inside IPv6, which may be private inside
)
"""Addresses that pass for public ones and are not."""


async def addresses(host: str, port: int, private: Networks) -> list[str]:
    """What a host may be connected to at.

    Args:
        host: its name, or an address.
        port: where.
        private: networks that may be reached although they are not public.

    Raises:
        Refusal: it has no address, or only such as may not be reached.
    """
    try:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Refusal(502, f"{host} has no address") from None
    known = list(dict.fromkeys(str(place[0]) for *_, place in found))
    if public := [address for address in known if reachable(address, private)]:
        return public
    raise Refusal(403, f"{host} leads to a private network, which this server does not let sandboxes reach")


def reachable(text: str, private: Networks) -> bool:
    """Whether an address is public, or in one of the networks that the operator lets sandboxes reach."""
    address: IPv4Address | IPv6Address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if any(address in network for network in private):
        return True
    return address.is_global and not address.is_multicast and not any(address in network for network in INWARD)
