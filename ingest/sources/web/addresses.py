"""Requests go to public addresses only, so that no page or name can lead the service into the network it stands in."""

import ipaddress
import socket
from collections.abc import Callable, Collection, Iterator

import httpx2

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC = [ipaddress.IPv4Network(network) for network in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")]
"""Protocol assignments, relays and a cloud's own services, which Python takes for public."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class PrivateAddress(httpx2.TransportError):
    """A name that leads to an address which is not public."""


def resolve(host: str, port: int) -> list[str]:
    """The addresses of ``host``. Raises OSError."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class PublicTransport(httpx2.BaseTransport):
    """Resolves a name once, and connects to what was checked: the second answer of a name that changes its mind is never
    asked for. ``private_hosts`` may lead anywhere, such as a wiki in one's own network.
    """

    def __init__(self, private_hosts: Collection[str] = (), resolve: Resolve = resolve) -> None:
        self._private_hosts, self._resolve = frozenset(host.lower() for host in private_hosts), resolve
        # No connection is kept: two names may share an address, and each is to show its own certificate.
        self._transport = httpx2.HTTPTransport(trust_env=False, limits=httpx2.Limits(max_keepalive_connections=0))

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises PrivateAddress, or another TransportError as HTTPTransport does."""
        host = request.url.host
        try:
            addresses = self._resolve(host, request.url.port or (443 if request.url.scheme == "https" else 80))
        except (OSError, UnicodeError) as error:
            raise httpx2.ConnectError(f"the name {host} is not known", request=request) from error
        if host not in self._private_hosts and not all(map(is_public, addresses)):
            raise PrivateAddress(f"{host} leads to an address that is not public", request=request)
        sent = httpx2.Request(
            request.method,
            request.url.copy_with(host=addresses[0]),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},  # The certificate must be the name's.
        )
        return self._transport.handle_request(sent)

    def close(self) -> None:
        self._transport.close()


def is_public(text: str) -> bool:
    """Whether an address, and every address that it wraps, is on the open internet."""
    address = ipaddress.ip_address(text.partition("%")[0])
    return all(map(_is_open, _unwrapped(address)))


def _is_open(address: Address) -> bool:
    if not address.is_global or address.is_multicast:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return address in _GLOBAL_UNICAST
    return not any(address in network for network in _NOT_PUBLIC)


def _unwrapped(address: Address) -> Iterator[Address]:
    """The address, and the IPv4 addresses that gateways reach by it (RFC 4291 2.5.5.2, RFC 3056, RFC 4380, RFC 6052)."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
        return
    if address in _NAT64:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return
    yield address
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
