"""The doctor asks DNS what mail providers ask; a real DNS server on loopback answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from newsletter.config import DkimSettings, SenderSettings, Settings
from newsletter.doctor.diagnosis import Diagnosis, State
from newsletter.doctor.domain import examine_domain, public_key

Zone = dict[tuple[str, str], str]


class NameServer:
    """A DNS server on loopback that knows `zone`: (name, type) → record text."""

    def __init__(self) -> None:
        self.zone: Zone = {}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            data, client = self.socket.recvfrom(4096)
            if data == b"stop":
                self.socket.close()
                return
            query = dns.message.from_wire(data)
            question = query.question[0]
            name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
            response = dns.message.make_response(query)
            if (name, kind) in self.zone:
                response.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, self.zone[name, kind]))
            else:
                response.set_rcode(dns.rcode.NXDOMAIN)
            self.socket.sendto(response.to_wire(), client)

    def resolver(self) -> dns.resolver.Resolver:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = self.socket.getsockname()[1]
        resolver.lifetime = 3
        return resolver

    def stop(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"stop", self.socket.getsockname())
        self.thread.join()


@pytest.fixture
def server() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.stop()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "dkim.pem"
    file.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file


def settings(key_file: Path | None = None, address: str = "letters@news.dojos.dev") -> Settings:
    dkims = {"main": DkimSettings(selector="s1", domain="dojos.dev", key_file=key_file)} if key_file else {}
    return Settings(root=Path("/"), sender=SenderSettings(address=address), dkims=dkims)


def by_subject(found: Iterator[Diagnosis]) -> dict[str, Diagnosis]:
    return {diagnosis.subject: diagnosis for diagnosis in found}


def test_a_domain_in_good_order_is_good(server: NameServer, key_file: Path) -> None:
    server.zone = {
        ("news.dojos.dev", "TXT"): '"v=spf1 mx -all"',
        ("_dmarc.dojos.dev", "TXT"): '"v=DMARC1; p=none"',
        ("s1._domainkey.dojos.dev", "TXT"): f'"v=DKIM1; k=ed25519; p={public_key(key_file.read_bytes())}"',
        ("news.dojos.dev", "MX"): "10 mail.dojos.dev.",
    }
    found = by_subject(examine_domain(settings(key_file), server.resolver()))
    assert {subject: diagnosis.state for subject, diagnosis in found.items()} == dict.fromkeys(
        ["SPF", "DMARC", "DKIM main", "bounces"], State.GOOD
    )


def test_each_missing_record_is_named_with_the_record_to_add(server: NameServer, key_file: Path) -> None:
    found = by_subject(examine_domain(settings(key_file), server.resolver()))
    assert {diagnosis.state for diagnosis in found.values()} == {State.BAD}
    assert "_dmarc.news.dojos.dev" in found["DMARC"].remedy
    assert public_key(key_file.read_bytes()) in found["DKIM main"].remedy


def test_a_published_key_that_is_not_ours_is_bad(server: NameServer, key_file: Path) -> None:
    server.zone = {("s1._domainkey.dojos.dev", "TXT"): '"v=DKIM1; p=AAAA"'}
    found = by_subject(examine_domain(settings(key_file), server.resolver()))
    assert found["DKIM main"].state is State.BAD
    assert "another key" in found["DKIM main"].detail


def test_a_key_file_that_holds_no_key_is_no_verdict_on_dns(server: NameServer, key_file: Path) -> None:
    key_file.write_bytes(b"junk")
    found = by_subject(examine_domain(settings(key_file), server.resolver()))
    assert found["DKIM main"].state is State.NOT_ASKED


def test_a_domain_for_examples_is_not_asked_about(server: NameServer) -> None:
    found = list(examine_domain(settings(address="letters@newsletter.example"), server.resolver()))
    assert [diagnosis.state for diagnosis in found] == [State.NOT_ASKED]


def test_a_name_server_that_does_not_answer_is_no_verdict_on_the_domain() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = silent.getsockname()[1]
        resolver.lifetime = 0.3
        found = list(examine_domain(settings(), resolver))
    assert found[0].state is State.NOT_ASKED
