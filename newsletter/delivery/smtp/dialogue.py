"""The message path of one SMTP connection, without its socket: replies in, commands out. Pure but for its clerk.

With PIPELINING (RFC 2920) it overlaps: one write carries a body, its final dot, and MAIL, RCPT and DATA of the next
message; every reply is matched to the command it answers and the message that command belongs to. Without, it goes
command by command. One recipient per transaction: a lost reply makes one delivery uncertain, never a hundred.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from newsletter.delivery.smtp.parcel import Parcel
from newsletter.delivery.smtp.reply import Reply, Stage
from newsletter.delivery.smtp.reply_reader import ProtocolError

DATA = b"DATA\r\n"
FINAL_DOT = b".\r\n"
RSET = b"RSET\r\n"
QUIT = b"QUIT\r\n"


@dataclass(frozen=True)
class Features:
    """What the server offers in its EHLO reply. `size` is the largest message in octets, 0: no limit known."""

    pipelining: bool = False
    eight_bit: bool = False
    utf8: bool = False
    sizes: bool = False
    size: int = 0
    starttls: bool = False
    auth: frozenset[str] = frozenset()


class Clerk(Protocol):
    """Who hands out parcels and writes down what becomes of them."""

    @property
    def may_overlap(self) -> bool:
        """Whether a parcel may be taken while the one before it has no receipt yet."""
        ...

    def take(self) -> Parcel | None:
        """The next parcel for this connection, if there is one and it may go now."""
        ...

    def commit(self, answered: list[tuple[Parcel, Stage, Reply]], starting: Parcel | None) -> bool:
        """Make replies and the intent to send `starting` durable, before anything else goes out.

        False: that was not possible; `starting` must not be sent.
        """
        ...

    def hand_back(self, parcel: Parcel) -> None:
        """The parcel was surely not sent and is nobody's fault."""
        ...

    def mark_uncertain(self, parcel: Parcel, reason: str) -> None:
        """The final dot may have reached the server; its reply did not reach us."""
        ...


class Awaited(Enum):
    """The command whose reply is awaited next."""

    RSET = auto()
    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    DOT = auto()
    EMPTY_DOT = auto()
    QUIT = auto()


class Dialogue:
    """One connection's messages. `write` hands bytes to the socket; `may_take` is asked before each new message."""

    def __init__(
        self, features: Features, clerk: Clerk, write: Callable[[list[bytes]], None], limit: int = 100
    ) -> None:
        self.features = features
        self.clerk = clerk
        self.awaited: deque[Awaited] = deque()
        self.is_open = True
        self.closing_reply: Reply | None = None
        self._write = write
        self._left = limit
        self._body: Parcel | None = None  # its final dot has been written
        self._envelope: Parcel | None = None  # its MAIL has been written, its body has not
        self._needs_reset = False
        self._finishing = False
        self._answered: list[tuple[Parcel, Stage, Reply]] = []
        self._output: list[bytes] = []
        self._unsaid = 0  # how many of `awaited` wait for replies to what is still in `_output`
        self._dot_left = True

    @property
    def is_idle(self) -> bool:
        """Whether no reply is awaited."""
        return not self.awaited

    def wake(self) -> None:
        """There may be something to take."""
        if self.is_open and not self._finishing and self._envelope is None:
            overlaps = self.features.pipelining and self.clerk.may_overlap and Awaited.EMPTY_DOT not in self.awaited
            if overlaps or not self.awaited:
                self._begin_next()
                self._flush()

    def finish(self) -> None:
        """Take nothing new, end the message in hand, say QUIT."""
        self._finishing = True
        if self.is_open and not self.awaited and self._envelope is None:
            # With an envelope it is between 354 and the body: QUIT would become the first line of a mail.
            self._quit()
            self._flush()

    def receive(self, replies: list[Reply], *, dot_left: bool = True) -> None:
        """Handle `replies` in order; `dot_left` says whether all that was written before has left this process.

        Raises ProtocolError when one comes that nothing asked for, or before it was asked for, or can't be meant.
        """
        self._dot_left = dot_left
        try:
            for reply in replies:
                if not self.is_open:
                    break
                self._receive_one(reply)
        except ProtocolError:
            self.is_open = False
            self._flush(write=False)
            raise
        self._flush()

    def lose(self, reason: str, *, dot_left: bool) -> None:
        """The connection is gone; `dot_left` says whether the last final dot may have left this process."""
        self._flush(write=False)
        self.is_open = False
        body, envelope, self._body, self._envelope = self._body, self._envelope, None, None
        self.awaited.clear()
        if envelope is not None:
            self.clerk.hand_back(envelope)
        if body is not None and dot_left and not self._output:
            self.clerk.mark_uncertain(body, reason)
        elif body is not None:
            self.clerk.hand_back(body)

    def _receive_one(self, reply: Reply) -> None:
        if not self.awaited:
            self._close(reply)
            if reply.code != 421:
                raise ProtocolError(f"a reply to nothing: {reply}")
            return
        if len(self.awaited) <= self._unsaid:  # `354` and `250` in one packet: a receipt for what nobody could have got
            raise ProtocolError(f"a reply before its command: {reply}")
        command = self.awaited.popleft()
        if command is Awaited.DOT:
            self._receive_dot(reply)
        elif command in (Awaited.MAIL, Awaited.RCPT):
            self._receive_envelope(command, reply)
        elif command is Awaited.DATA:
            self._receive_data(reply)
        elif command is Awaited.QUIT:
            self._close(reply)
        elif command is Awaited.RSET:
            self._receive_reset(reply)
        if reply.code == 421:
            self._close(reply)
        elif self.is_open and not self.awaited:
            self._go_on()

    def _receive_reset(self, reply: Reply) -> None:
        if not reply.is_positive and reply.code != 421:
            raise ProtocolError(f"RSET refused: {reply}")
        if not self.features.pipelining and reply.is_positive:
            self._say_envelope(self._expect_envelope())

    def _receive_envelope(self, command: Awaited, reply: Reply) -> None:
        parcel = self._expect_envelope()
        stage = Stage.MAIL if command is Awaited.MAIL else Stage.RCPT
        if 300 <= reply.code < 400:
            raise ProtocolError(f"{stage.value} answered with {reply}")
        if stage is Stage.MAIL:
            parcel.mail_reply = reply
        if not reply.is_positive and parcel.refusal is None:
            parcel.refusal = (stage, reply)
        if reply.code == 421:
            self._settle_refusal(parcel)
        elif not self.features.pipelining:
            if parcel.refusal is not None:
                self._settle_refusal(parcel)
            elif stage is Stage.MAIL:
                self._say(b"RCPT TO:<%b>\r\n" % parcel.recipient, Awaited.RCPT)
            else:
                self._say(DATA, Awaited.DATA)

    def _receive_data(self, reply: Reply) -> None:
        parcel = self._expect_envelope()
        if reply.code == 354:
            if parcel.refusal is not None:
                # RFC 2920 §3.1: the server wants data though it refused the recipient; an empty message ends it.
                self._say(FINAL_DOT, Awaited.EMPTY_DOT)
                self._settle_refusal(parcel, reset=False)
            else:
                self._send_body(parcel)
            return
        if reply.code < 400:
            raise ProtocolError(f"DATA answered with {reply}")
        if parcel.refusal is None:
            parcel.refusal = (Stage.DATA, reply)
        self._settle_refusal(parcel)

    def _receive_dot(self, reply: Reply) -> None:
        parcel = self._body
        if parcel is None or 300 <= reply.code < 400:
            raise ProtocolError(f"final dot answered with {reply}")
        if reply.is_positive and not self._dot_left:
            raise ProtocolError(f"a receipt before the message was sent: {reply}")
        self._body = None
        self._answered.append((parcel, Stage.DOT, reply))

    def _settle_refusal(self, parcel: Parcel, *, reset: bool = True) -> None:
        refusal = parcel.refusal
        if refusal is None:
            raise ProtocolError("nothing was refused")
        self._envelope = None
        stage, reply = refusal
        self._needs_reset = reset and parcel.mail_reply is not None and parcel.mail_reply.is_positive
        self._answered.append((parcel, stage, reply))

    def _send_body(self, parcel: Parcel) -> None:
        answered, self._answered = self._answered, []
        if not self.clerk.commit(answered, parcel):
            self._envelope = None
            self.clerk.hand_back(parcel)
            self._close(Reply(0, "the journal can't be written"))
            return
        self._envelope, self._body = None, parcel
        self._output += parcel.pieces
        self._say(FINAL_DOT, Awaited.DOT)
        if self.features.pipelining and self.clerk.may_overlap:
            self._begin_next()

    def _go_on(self) -> None:
        """Nothing is awaited: the next message, or the end."""
        if self._answered:
            answered, self._answered = self._answered, []
            self.clerk.commit(answered, None)
        if self._finishing or self._left <= 0:
            self._quit()
        else:
            self._begin_next()

    def _begin_next(self) -> None:
        while not self._finishing and self._left > 0:
            parcel = self.clerk.take()
            if parcel is None:
                return
            parcel.refusal = parcel.mail_reply = None
            impossible = self._why_impossible(parcel)
            if impossible is None:
                self._begin(parcel)
                return
            self._answered.append((parcel, Stage.MAIL, impossible))

    def _begin(self, parcel: Parcel) -> None:
        self._left -= 1
        self._envelope = parcel
        if self._needs_reset:
            self._needs_reset = False
            self._say(RSET, Awaited.RSET)
            if not self.features.pipelining:
                return  # the envelope follows the reply
        self._say_envelope(parcel)

    def _say_envelope(self, parcel: Parcel) -> None:
        options = b""
        if self.features.sizes:
            options = b" SIZE=%d" % parcel.octets
        if parcel.needs_utf8:
            options += b" BODY=8BITMIME SMTPUTF8"
        self._say(b"MAIL FROM:<%b>%b\r\n" % (parcel.sender, options), Awaited.MAIL)
        if self.features.pipelining:
            self._output.append(b"RCPT TO:<%b>\r\nDATA\r\n" % parcel.recipient)
            self.awaited.extend((Awaited.RCPT, Awaited.DATA))
            self._unsaid += 2

    def _why_impossible(self, parcel: Parcel) -> Reply | None:
        """Why this server can't take this message at all, as the reply it would have given (RFC 1870, 6531, 6152)."""
        if self.features.size and parcel.octets > self.features.size:
            return Reply(552, f"5.3.4 {parcel.octets} octets are more than the relay takes ({self.features.size})")
        if parcel.needs_utf8 and not self.features.utf8:
            return Reply(553, "5.6.7 the address needs SMTPUTF8, which the relay does not offer")
        if parcel.needs_utf8 and not self.features.eight_bit:
            return Reply(554, "5.6.3 the message needs 8BITMIME, which the relay does not offer")
        return None

    def _expect_envelope(self) -> Parcel:
        if self._envelope is None:
            raise ProtocolError("a reply to an envelope that was not sent")
        return self._envelope

    def _quit(self) -> None:
        self._finishing = True
        self._say(QUIT, Awaited.QUIT)

    def _close(self, reply: Reply) -> None:
        self.is_open = False
        self.closing_reply = reply

    def _say(self, command: bytes, awaited: Awaited) -> None:
        self._output.append(command)
        self.awaited.append(awaited)
        self._unsaid += 1

    def _flush(self, *, write: bool = True) -> None:
        """Make replies durable, then let what was said go out in one write."""
        if self._answered:
            answered, self._answered = self._answered, []
            self.clerk.commit(answered, None)
        if self._output and write:
            output, self._output = self._output, []
            self._unsaid = 0
            self._write(output)
