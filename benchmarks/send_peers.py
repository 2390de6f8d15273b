"""The same job with what one would take otherwise: smtplib, aiosmtplib, nodemailer. Used by benchmarks/send.py.

Each builds the message for every recipient with its own means (EmailMessage; nodemailer its own) and sends it over kept
connections, unsigned, without writing anything down: less work than the engine does.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import smtplib
import subprocess
import time
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP

import aiosmtplib

from newsletter.compose.email import Email

NODE = """
const nodemailer = require('nodemailer');
const [port, count, html, text] = JSON.parse(require('fs').readFileSync(0));
const pool = nodemailer.createTransport({host: '127.0.0.1', port, pool: true, maxConnections: 16, maxMessages: Infinity, ignoreTLS: true});
(async () => {
  const start = process.hrtime.bigint();
  await Promise.all(Array.from({length: count}, (_, n) => pool.sendMail({from: 'letters@news.example.org', to: `reader${n}@example.com`, subject: 'Welcome', text, html: html.replace('Ann', 'Ann' + n)})));
  console.log(count / (Number(process.hrtime.bigint() - start) / 1e9));
  pool.close();
})();
"""


def runners(port: int, count: int, email: Email) -> dict[str, Callable[[], float]]:
    """Name → one run; messages per second. nodemailer only where node finds it (`NODE_PATH`)."""
    html = email.html.replace("{{ first_name|default('you') }}", "Ann")

    def message(number: int) -> EmailMessage:
        found = EmailMessage(policy=SMTP)
        found["From"], found["To"], found["Subject"] = (
            "letters@news.example.org",
            f"reader{number}@example.com",
            "Welcome",
        )
        found.set_content(email.text)
        found.add_alternative(html.replace("Ann", f"Ann{number}"), subtype="html")
        return found

    def with_smtplib() -> float:
        started = time.perf_counter()
        with smtplib.SMTP("127.0.0.1", port) as client:
            for number in range(count):
                client.send_message(message(number))
        return count / (time.perf_counter() - started)

    async def with_aiosmtplib() -> float:
        started = time.perf_counter()
        numbers = iter(range(count))

        async def work() -> None:
            async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
                for number in numbers:
                    await client.send_message(message(number))

        await asyncio.gather(*(work() for _ in range(16)))
        return count / (time.perf_counter() - started)

    def with_nodemailer() -> float:
        job = json.dumps([port, count, html, email.text])
        return float(subprocess.run(["node", "-e", NODE], input=job, capture_output=True, text=True, check=True).stdout)

    found: dict[str, Callable[[], float]] = {
        "smtplib": with_smtplib,
        "aiosmtplib x 16": lambda: asyncio.run(with_aiosmtplib()),
    }
    if (
        shutil.which("node")
        and not subprocess.run(["node", "-e", "require('nodemailer')"], capture_output=True).returncode
    ):
        found["nodemailer, pool of 16"] = with_nodemailer
    return found
