"""Mail servers that others wrote, run on loopback from a scratch configuration: Postfix, Exim, OpenSMTPD, aiosmtpd.

The first three take mail and hand it on to `next_port`, where a server keeps it: so one sees what a receiver
made of what it got. Postfix, Exim and OpenSMTPD need root, as they do in life.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from newsletter.config import RelaySettings
from tests.delivery.servers import free_port, wait_for_port

USER, PASSWORD = "ann", "pass word"


@dataclass(frozen=True)
class Papers:
    """A certificate authority of our own, and a certificate for `localhost` from it."""

    authority: trustme.CA
    ca_file: Path
    certificate: Path
    key: Path

    @property
    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def papers_in(folder: Path) -> Papers:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    papers = Papers(authority, folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    authority.cert_pem.write_to_path(str(papers.ca_file))
    papers.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(papers.key))
    papers.key.chmod(0o600)
    return papers


@dataclass(frozen=True)
class Receiver:
    """A running server: its port for each kind of security, and the AUTH mechanisms it knows."""

    name: str
    papers: Papers
    ports: dict[str, int]
    mechanisms: tuple[str, ...] = ()

    def relay(self, security: str, mechanism: str = "", *, connections: int = 4) -> RelaySettings:
        return RelaySettings(
            "localhost",
            self.ports[security],
            security,  # type: ignore[arg-type]
            ca_file=self.papers.ca_file,
            username=USER if mechanism else "",
            password=PASSWORD if mechanism else "",
            auth=mechanism,  # type: ignore[arg-type]
            connections=connections,
        )


def two_ports() -> dict[str, int]:
    return {"starttls": free_port(), "tls": free_port()}


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that servers which drop their rights can still enter; pytest's own can't be."""
    with tempfile.TemporaryDirectory(prefix="newsletter-mta-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


# Postfix

_MAIN_CF = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = relay.test.example
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{next_port}
disable_dns_lookups = yes
alias_maps =
local_recipient_maps =
smtpd_tls_cert_file = {papers.certificate}
smtpd_tls_key_file = {papers.key}
smtpd_tls_security_level = encrypt
"""

_MASTER_CF = """
127.0.0.1:{starttls} inet n - n - - smtpd
127.0.0.1:{tls} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
"""


@contextmanager
def postfix(next_port: int) -> Iterator[Receiver]:
    """Postfix with its own configuration, queue and log; the system's is not touched."""
    with scratch() as folder:
        receiver = Receiver("Postfix", papers_in(folder), two_ports())
        for name in ("etc", "queue", "data"):
            (folder / name).mkdir()
        shutil.chown(folder / "data", "postfix")
        places = {"folder": folder, "papers": receiver.papers, "next_port": next_port}
        (folder / "etc" / "main.cf").write_text(_MAIN_CF.format(**places))
        (folder / "etc" / "master.cf").write_text(_MASTER_CF.format(**receiver.ports))
        command = [shutil.which("postfix") or "/usr/sbin/postfix", "-c", str(folder / "etc")]
        subprocess.run([*command, "start"], check=True, capture_output=True)
        try:
            wait_for_port(receiver.ports["tls"])
            yield receiver
        finally:
            subprocess.run([*command, "stop"], check=True, capture_output=True)


# Exim

_EXIM_CONF = """
exim_path = {program}
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
keep_environment = LD_LIBRARY_PATH
exim_user = {user}
exim_group = {user}
primary_hostname = relay.test.example
daemon_smtp_ports = {starttls} : {tls}
tls_on_connect_ports = {tls}
local_interfaces = 127.0.0.1
tls_advertise_hosts = *
tls_certificate = {papers.certificate}
tls_privatekey = {folder}/exim-key.pem
auth_advertise_hosts = ${{if def:tls_in_cipher {{*}}}}
smtp_accept_max = 100
smtp_accept_max_per_connection = 1000
smtp_accept_queue_per_connection = 0
pipelining_advertise_hosts = *
smtputf8_advertise_hosts = *
host_lookup =
rfc1413_query_timeout = 0s
qualify_domain = test.example
never_users =
deliver_drop_privilege
acl_smtp_rcpt = accept authenticated = *
acl_smtp_data = accept
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${{if and {{{{eq{{$auth2}}{{{user_name}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and {{{{eq{{$auth1}}{{{user_name}}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
  server_set_id = $auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = {password}
  server_set_id = $auth1
begin routers
onward:
  driver = manualroute
  domains = *
  transport = smtp
  route_list = * 127.0.0.1
  self = send
begin transports
smtp:
  driver = smtp
  port = {next_port}
  hosts_avoid_tls = *
  allow_localhost
begin retry
* * F,1h,1m
"""


@contextmanager
def exim(next_port: int, program: Path, libraries: Path | None, user: str) -> Iterator[Receiver]:
    """Exim 4 as an unprivileged daemon that asks everybody to log in."""
    with scratch() as folder:
        receiver = Receiver("Exim", papers_in(folder), two_ports(), ("PLAIN", "LOGIN", "CRAM-MD5"))
        shutil.copy(receiver.papers.key, folder / "exim-key.pem")
        (folder / "spool").mkdir()
        places = {"folder": folder, "papers": receiver.papers, "next_port": next_port, "program": program}
        config = _EXIM_CONF.format(**places, **receiver.ports, user=user, user_name=USER, password=PASSWORD)
        (folder / "exim.conf").write_text(config)
        for path in (folder, folder / "spool", folder / "exim-key.pem"):
            shutil.chown(path, user, user)
        environment = {"LD_LIBRARY_PATH": str(libraries)} if libraries else {}
        daemon = subprocess.Popen(
            [program, "-C", str(folder / "exim.conf"), "-bdf", "-q1m"], env=environment, stderr=subprocess.PIPE
        )
        try:
            wait_for_port(receiver.ports["tls"])
            yield receiver
        finally:
            daemon.terminate()
            daemon.wait(10)
            assert daemon.stderr is not None
            daemon.stderr.close()


# OpenSMTPD

_SMTPD_CONF = """
listen on 127.0.0.1 port {plain}
action "onward" relay host smtp://127.0.0.1:{next_port}
match from any for any action "onward"
"""


@contextmanager
def opensmtpd(next_port: int, program: Path) -> Iterator[Receiver]:
    """OpenSMTPD in plain text: Debian 12 has 6.8, which breaks off every TLS handshake, also with `openssl s_client`.

    It keeps its queue in /var/spool/smtpd and its socket in /var/run, wherever its configuration is.
    """
    with scratch() as folder:
        receiver = Receiver("OpenSMTPD", papers_in(folder), {"plain": free_port()})
        (folder / "smtpd.conf").write_text(_SMTPD_CONF.format(next_port=next_port, **receiver.ports))
        (folder / "smtpd.conf").chmod(0o600)
        with (folder / "log").open("wb") as log:
            daemon = subprocess.Popen([program, "-d", "-f", str(folder / "smtpd.conf")], stdout=log, stderr=log)
            try:
                wait_for_port(receiver.ports["plain"])
                yield receiver
            finally:
                daemon.terminate()
                daemon.wait(10)


# aiosmtpd


@dataclass
class Shelf:
    """Keeps what it is given, as it was given; knows the two mechanisms that aiosmtpd lacks."""

    kept: list[tuple[str, bytes]] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - a name that aiosmtpd looks for
        assert isinstance(envelope.original_content, bytes)
        self.kept.append((envelope.rcpt_tos[0], envelope.original_content))
        return "250 2.0.0 kept"

    async def auth_CRAM__MD5(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802 - likewise
        nonce = b"<17.4@localhost>"
        answer = await server.challenge_auth(nonce)
        good = f"{USER} {hmac.new(PASSWORD.encode(), nonce, hashlib.md5).hexdigest()}"
        return AuthResult(success=answer == good.encode(), handled=False)

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802 - likewise
        good = f"user={USER}\1auth=Bearer {PASSWORD}\1\1".encode()
        return AuthResult(success=base64.b64decode(args[1]) == good, handled=False)


@contextmanager
def aiosmtpd() -> Iterator[tuple[Receiver, Shelf]]:
    """aiosmtpd, once with STARTTLS and once with implicit TLS, both keeping on one shelf."""
    shelf = Shelf()

    def is_known(server: SMTP, session: Session, envelope: Envelope, mechanism: str, said: object) -> AuthResult:
        known = LoginPassword(USER.encode(), PASSWORD.encode())
        return AuthResult(success=said == known, handled=False)

    with scratch() as folder:
        papers = papers_in(folder)
        login = {"authenticator": is_known, "auth_required": False, "enable_SMTPUTF8": True}
        ports = two_ports()
        starttls = Controller(
            shelf, "127.0.0.1", ports["starttls"], tls_context=papers.context, require_starttls=True, auth_require_tls=True, **login
        )  # fmt: skip
        implicit = Controller(
            shelf, "127.0.0.1", ports["tls"], ssl_context=papers.context, auth_require_tls=False, **login
        )
        starttls.start()
        implicit.start()
        try:
            yield Receiver("aiosmtpd", papers, ports, ("PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2")), shelf
        finally:
            starttls.stop()
            implicit.stop()
