"""As much of an IMAP and a POP3 server as a client needs that reads a mailbox, on loopback."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

USER, PASSWORD = "bounces", "p w"


@dataclass
class Box:
    """The mails and what became of them."""

    mails: list[bytes]
    seen: set[int] = field(default_factory=set)
    deleted: set[int] = field(default_factory=set)
    folders: list[str] = field(default_factory=list)


@contextmanager
def serving(handler: type[socketserver.StreamRequestHandler], box: Box) -> Iterator[int]:
    """A server of one protocol; yields its port."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), type("Handler", (handler,), {"box": box})) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


class Imap(socketserver.StreamRequestHandler):
    """RFC 3501, the few commands that are used."""

    box: Box

    def handle(self) -> None:
        self.say(b"* OK ready")
        while line := self.rfile.readline():
            tag, _, command = line.decode().strip().partition(" ")
            self.wfile.flush()
            if not self.obey(tag, command):
                return

    def obey(self, tag: str, command: str) -> bool:
        upper = command.upper()
        if upper == "CAPABILITY":
            self.say(b"* CAPABILITY IMAP4rev1")
        elif upper.startswith("LOGIN"):
            if command != f'LOGIN {USER} "{PASSWORD}"':
                self.say(f"{tag} NO [AUTHENTICATIONFAILED] wrong".encode())
                return True
        elif upper.startswith("SELECT"):
            self.box.folders.append(command.partition(" ")[2])
            self.say(f"* {len(self.box.mails)} EXISTS".encode())
        elif upper.startswith("UID SEARCH"):
            unseen = [str(n) for n in range(1, len(self.box.mails) + 1) if n not in self.box.seen]
            self.say(f"* SEARCH {' '.join(unseen)}".encode())
        elif found := re.fullmatch(r"UID FETCH (\d+) \(BODY\.PEEK\[\]<0\.\d+>\)", upper):
            data = self.box.mails[int(found[1]) - 1]
            self.say(f"* {found[1]} FETCH (UID {found[1]} BODY[]<0> {{{len(data)}}}".encode())
            self.wfile.write(data + b")\r\n")
        elif found := re.fullmatch(r"UID STORE (\d+) \+FLAGS\.SILENT \(\\SEEN\)", upper):
            self.box.seen.add(int(found[1]))
        elif upper == "LOGOUT":
            self.say(b"* BYE")
            self.say(f"{tag} OK".encode())
            return False
        else:
            self.say(f"{tag} BAD {command}".encode())
            return True
        self.say(f"{tag} OK done".encode())
        return True

    def say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


class Pop3(socketserver.StreamRequestHandler):
    """RFC 1939, the few commands that are used; deletions take effect at QUIT."""

    box: Box

    def handle(self) -> None:
        self.say("+OK ready")
        marked: set[int] = set()
        while line := self.rfile.readline():
            command, _, argument = line.decode().strip().partition(" ")
            match command.upper():
                case "PASS" if argument != PASSWORD:
                    self.say("-ERR wrong")
                case "STAT":
                    self.say(f"+OK {len(self.box.mails)} {sum(map(len, self.box.mails))}")
                case "RETR":
                    self.say("+OK")
                    for each in self.box.mails[int(argument) - 1].split(b"\r\n"):
                        self.wfile.write((b"." if each.startswith(b".") else b"") + each + b"\r\n")
                    self.say(".")
                case "DELE":
                    marked.add(int(argument))
                    self.say("+OK")
                case "QUIT":
                    self.box.deleted |= marked
                    self.say("+OK")
                    return
                case _:
                    self.say("+OK")

    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")
