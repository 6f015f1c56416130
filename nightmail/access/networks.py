"""Networks from which a key may come: CIDR blocks (RFC 4632, RFC 4291)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from nightmail.errors import UsageError

MOST_NETWORKS = 50


def checked_networks(written: Iterable[str]) -> list[str]:
    """Networks as they are kept: ``10.1.0.0/16``, a single address as ``/32`` or ``/128``; sorted, each once.

    Raises :class:`UsageError` (``network_wrong``), also for a block with bits beyond its length: it would be another than was meant.
    """
    found = set()
    for each in written:
        try:
            found.add(str(ip_network(each.strip())))
        except ValueError:
            raise UsageError("network_wrong", value=each[:60]) from None
    if len(found) > MOST_NETWORKS:
        raise UsageError("network_wrong", value=f"the {MOST_NETWORKS + 1}st network")
    return sorted(found)


def is_within(address: str | None, networks: Iterable[str]) -> bool:
    """Whether an address is in one of the networks; what is no address is in none. IPv4 within IPv6 counts as both."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address or "")
    except ValueError:
        return False
    forms = [found]
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        forms.append(found.ipv4_mapped)
    return any(form in _network(each) for each in networks for form in forms)


@lru_cache(maxsize=1_000)
def _network(written: str) -> IPv4Network | IPv6Network:
    return ip_network(written)
