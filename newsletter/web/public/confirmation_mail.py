"""The mail that asks for one click: made here, sent beside the web pages, with one reminder.

It holds no text that anybody typed in: else a form could be used to mail advertisements to strangers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from starlette.concurrency import run_in_threadpool

from newsletter.config import RelaySettings
from newsletter.delivery.send_one import send_one
from newsletter.delivery.smtp.reply import Reply
from newsletter.errors import DataError, RelayError, StoreError
from newsletter.message.builder import Message, identity_of, transactional
from newsletter.message.dkim import Signer
from newsletter.message.links import CONFIRM_DAYS, Purpose, Target
from newsletter.store.confirmations import Confirmation, due_confirmations, purge_confirmations, schedule_mail
from newsletter.store.leases import take
from newsletter.web.public.site import Site
from newsletter.web.public.texts import choose

REMINDER = timedelta(days=3)
AFTER_A_4XX = timedelta(minutes=15)
AT_ONCE = 20
LEASE, LEASE_SECONDS = "confirmations", 300
PAUSE_SECONDS = 2.0
PURGE_SECONDS = 3600.0

Send = Callable[[Message, RelaySettings], Awaitable[Reply]]


def compose(site: Site, wanted: Confirmation, signers: Sequence[Signer]) -> Message:
    """The mail for one request. Raises DataError for an address no header may hold."""
    texts = choose(wanted.lang, site.settings.site.lang)
    now = site.clock.now()
    is_address = wanted.kind == "address"
    subject = texts("mail_subject_address" if is_address else "mail_subject")
    target = Target(wanted.subscriber_id, 0, wanted.id)
    values = {
        "t": texts,
        "site": site.settings.site,
        "postal": site.settings.sender.postal_address,
        "subject": subject,
        "lead": texts("mail_lead_address" if is_address else "mail_lead", site=site.settings.site.name),
        "url": site.links.url(Purpose.CONFIRM, target, now=now),
        "days": CONFIRM_DAYS,
        "is_reminder": wanted.mails > 0,
    }
    return transactional(
        identity_of(site.settings, ""),
        site.links,
        signers,
        recipient=wanted.address,
        subject=subject,
        text=site.plain.get_template("confirmation.txt.j2").render(values),
        html=site.templates.get_template("confirmation.html.j2").render(values),
        target=target,
        now=now,
    )


@dataclass
class ConfirmationMailer:
    """Sends what is due, until stopped. Of several beside one database only the `holder` of the lease sends."""

    site: Site
    signers: Sequence[Signer]
    holder: str = "serve"
    send: Send = send_one
    trouble: Callable[[str], None] = lambda message: None

    async def run(self) -> None:
        """Look for due mail every two seconds, and once an hour for what has to be purged."""
        rounds = 0
        while True:
            try:
                if rounds % int(PURGE_SECONDS / PAUSE_SECONDS) == 0:
                    await run_in_threadpool(self._purge)
                await self.send_due()
            except (StoreError, RelayError) as error:
                self.trouble(str(error))
                await asyncio.sleep(30)
            rounds += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def send_due(self) -> int:
        """Send what is due now; how many were taken by the relay. Raises RelayError when the relay refuses us."""
        taken = 0
        waiting = await run_in_threadpool(self._due)
        if not waiting or not await run_in_threadpool(self._take_lease):
            return 0
        for wanted in await run_in_threadpool(self._due):
            try:
                message = compose(self.site, wanted, self.signers)
                reply = await self.send(message, next(iter(self.site.settings.relays.values())))
            except DataError as error:
                self.trouble(str(error))
                reply = Reply(550, error.message)
            await run_in_threadpool(self._note, wanted, reply)
            taken += 200 <= reply.code < 300
        return taken

    def _take_lease(self) -> bool:
        with self.site.database.transaction() as connection:
            return take(connection, LEASE, self.holder, LEASE_SECONDS)

    def _due(self) -> list[Confirmation]:
        with self.site.database.reading() as connection:
            return list(due_confirmations(connection, now=self.site.clock.now(), limit=AT_ONCE))

    def _note(self, wanted: Confirmation, reply: Reply) -> None:
        now = self.site.clock.now()
        is_taken = 200 <= reply.code < 300
        if is_taken:
            due = wanted.requested_at + REMINDER if wanted.mails == 0 else None
        elif reply.code >= 500:
            due = None
        else:
            too_late = now - wanted.requested_at > timedelta(days=CONFIRM_DAYS)
            due = None if too_late else now + AFTER_A_4XX
        with self.site.database.transaction() as connection:
            schedule_mail(connection, wanted.id, due=due, sent=is_taken)

    def _purge(self) -> None:
        with self.site.database.transaction() as connection:
            purge_confirmations(connection, now=self.site.clock.now())
