"""Asks the web whether links of other sites still lead somewhere. Only with `--online`.

Polite: one request at a time to a host, half a second apart, HEAD first. Bounded: a time limit for each, a number for
all. Harmless: addresses of this network are refused after the name is resolved, and the connection goes to exactly
the address that was judged (against DNS that changes its mind), also after each redirect.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from newsletter.finding import Finding, Severity

LINKS = 500
WORKERS = 8
SECONDS = 8.0
PAUSE = 0.5
REDIRECTS = 5
AGENT = "newsletter-check (link checker; one request per link)"
UNSURE = frozenset([401, 403, 405, 406, 408, 425, 429, 451, 500, 501, 502, 503, 504, 520, 521, 522, 999])
"""Statuses that say more about robots or the moment than about the page."""

Resolve = Callable[[str, int], Sequence[str]]


class RefusedError(OSError):
    """The address is not one that may be asked."""


@dataclass(frozen=True)
class Place:
    """A link, and where it stands."""

    address: str
    path: str
    line: int | None


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, in the system's order."""
    return [str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def is_public(address: str) -> bool:
    """Whether an IP address is of the open internet: not loopback, private, link-local, shared or reserved."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return ip.is_global and not ip.is_multicast and (mapped is None or mapped.is_global)


class LinkProbe:
    """Asks links. `resolve` and `is_allowed` are given, so that a test can lead them to its own server."""

    def __init__(self, resolve: Resolve = resolve, is_allowed: Callable[[str], bool] = is_public) -> None:
        self._resolve = resolve
        self._is_allowed = is_allowed

    def check(self, places: Iterable[Place]) -> list[Finding]:
        """A finding for each place whose link is dead or can't be told; each address is asked once."""
        by_address: dict[str, list[Place]] = {}
        for place in places:
            if place.address.lower().startswith(("http://", "https://")):
                by_address.setdefault(place.address.partition("#")[0], []).append(place)
        asked = list(by_address)[:LINKS]
        hosts: dict[str, list[str]] = {}
        for address in asked:
            hosts.setdefault(urlsplit(address).netloc.lower(), []).append(address)
        findings: list[Finding] = []
        with ThreadPoolExecutor(WORKERS) as workers:
            for answers in workers.map(self._ask_host, hosts.values()):
                for address, (severity, said) in answers.items():
                    findings += [_finding(place, severity, said) for place in by_address[address] if severity]
        for address in list(by_address)[LINKS:]:
            place = by_address[address][0]
            findings.append(_finding(place, Severity.INFO, f"was not asked: {LINKS} links are the limit"))
        return findings

    def _ask_host(self, addresses: Sequence[str]) -> dict[str, tuple[Severity | None, str]]:
        answers = {}
        for number, address in enumerate(addresses):
            if number:
                time.sleep(PAUSE)
            answers[address] = self._ask(address)
        return answers

    def _ask(self, address: str) -> tuple[Severity | None, str]:
        try:
            for method in ("HEAD", "GET"):
                status = self._follow(address, method)
                if status < 400:
                    return None, ""
                if method == "GET" or status in (404, 410):
                    break
        except RefusedError as error:
            return Severity.ERROR, str(error)
        except ssl.SSLError as error:
            return Severity.WARNING, f"has a certificate that browsers refuse ({error.reason})"
        except socket.gaierror:
            return Severity.ERROR, "names a host that does not exist"
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Severity.WARNING, f"did not answer ({type(error).__name__})"
        if status in UNSURE:
            return Severity.INFO, f"answers {status}; look at it in a browser"
        return Severity.ERROR, f"answers {status}"

    def _follow(self, address: str, method: str) -> int:
        """The status at the end of the redirects."""
        for _ in range(REDIRECTS + 1):
            status, location = self._request(address, method)
            if status not in (301, 302, 303, 307, 308) or not location:
                return status
            address = urljoin(address, location)
        raise RefusedError(f"redirects more than {REDIRECTS} times")

    def _request(self, address: str, method: str) -> tuple[int, str]:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RefusedError(f"leads to {address[:60]!r}, which is no web address")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        addresses = self._resolve(parts.hostname, port)
        if not addresses or not all(self._is_allowed(one) for one in addresses):
            raise RefusedError("leads into a private network")
        connection = http.client.HTTPConnection(parts.hostname, port, timeout=SECONDS)
        raw = socket.create_connection((addresses[0], port), timeout=SECONDS)
        try:
            tls = ssl.create_default_context() if parts.scheme == "https" else None
            connection.sock = tls.wrap_socket(raw, server_hostname=parts.hostname) if tls else raw
            target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~") + (f"?{parts.query}" if parts.query else "")
            connection.request(method, target, headers={"User-Agent": AGENT, "Accept": "*/*"})
            answer = connection.getresponse()
            return answer.status, answer.getheader("Location", "")
        finally:
            connection.close()
            raw.close()


def _finding(place: Place, severity: Severity | None, said: str) -> Finding:
    code = "link-dead-online" if severity is Severity.ERROR else "link-unsure-online"
    remedy = "Mend the address, or link to another page." if severity is Severity.ERROR else ""
    return Finding(code, severity or Severity.INFO, f"{place.address[:80]} {said}.", place.path, place.line, remedy)
