"""Signatures that dkimpy and OpenDKIM, both written by others, find good, and that break when somebody meddles."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.compose.email import EmbeddedPicture
from newsletter.errors import SettingsError
from newsletter.message.builder import transactional
from newsletter.message.dkim import Signer, signed_names, wrapped_names
from newsletter.message.links import Target
from tests.message.samples import ADA, ED25519, IDENTITY, LINKS, NOW, RSA, ZONE, build, sample

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=80)
EMAIL = sample(
    html="<p>Dear {{ name }},\t  {{ company }}  </p>   \n.\n\n<b>ü</b>\n\n\n",
    text="Dear {{ name }},  \n\t{{ company }} \n\n\n",
    subject="For {{ name }}:  {{ company }}",
    embedded=(EmbeddedPicture("a@b", "image/png", b"\0\1\2" * 99),),
)


def verifies(data: bytes, signatures: int = 1) -> bool:
    """Whether all of the first `signatures` are good, as dkimpy sees it."""
    try:
        return all(
            dkim.DKIM(data).verify(index, dnsfunc=lambda name, timeout=5: ZONE.get(name)) for index in range(signatures)
        )
    except dkim.ValidationError:
        return False


@pytest.mark.parametrize("signers", [[RSA], [ED25519], [RSA, ED25519]], ids=["rsa", "ed25519", "both"])
def test_dkimpy_finds_every_signature_good(signers: Sequence[Signer]) -> None:
    data = build(EMAIL, replace(ADA, name="Zoë  O'Neill", attributes={"company": "a  b"}), signers=signers).data
    assert data.count(b"DKIM-Signature:") == len(signers)
    assert verifies(data, len(signers))


@settings(max_examples=60)
@given(
    name=WORDS.filter(bool), company=st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"))).filter(bool)
)
def test_whatever_the_values_the_signature_is_good(name: str, company: str) -> None:
    assert verifies(build(EMAIL, replace(ADA, name=name, attributes={"company": company}), signers=[ED25519]).data)


def test_opendkim_finds_the_signature_good(tmp_path: Path) -> None:
    public = ZONE[b"rsa1._domainkey.news.example.org."].decode()
    (tmp_path / "keys").write_text(f"rsa1._domainkey.news.example.org {public}\n")
    (tmp_path / "conf").write_text(f"Mode v\nTestPublicKeys {tmp_path / 'keys'}\n")
    message = tmp_path / "m.eml"
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"}

    def judgement(data: bytes) -> str:
        message.write_bytes(data)
        run = subprocess.run(
            ["opendkim", "-x", str(tmp_path / "conf"), "-t", str(message)],
            capture_output=True,
            text=True,
            env=environment,
            timeout=20,
        )
        return run.stdout + run.stderr

    data = build(EMAIL, signers=[RSA]).data
    assert "verification (s=rsa1, d=news.example.org, 2048-bit key) succeeded" in judgement(data)
    assert "succeeded" not in judgement(data.replace(b"Dear", b"Deer"))


@pytest.mark.parametrize("field", [b"From", b"Subject", b"List-Unsubscribe", b"List-Unsubscribe-Post"])
def test_a_second_field_added_on_the_way_breaks_the_signature(field: bytes) -> None:
    data = build(EMAIL, signers=[ED25519]).data
    assert verifies(data)
    assert not verifies(data.replace(b"\r\nTo: ", b"\r\n" + field + b": evil@example.com\r\nTo: ", 1))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"ada@example.com", b"bob@example.com"),
        (b"List-Unsubscribe: <https://letters", b"List-Unsubscribe: <https://lettres"),
        (b"One-Click", b"Two-Click"),
        (b"Dear", b"Deer"),
        (b"Content-Type: text/html", b"Content-Type: text/xtml"),
    ],
)
def test_a_change_breaks_the_signature(before: bytes, after: bytes) -> None:
    data = build(EMAIL, signers=[ED25519]).data
    assert not verifies(data.replace(before, after, 1))


def test_refolding_and_new_blanks_leave_the_signature_whole() -> None:
    data = build(EMAIL, replace(ADA, attributes={"company": "W" * 60}), signers=[RSA]).data
    refolded = data.replace(b">,\r\n <mailto", b">,  <mailto").replace(b"From: ", b"from:   ")
    assert refolded != data
    assert verifies(refolded)


def test_a_relay_may_replace_date_and_message_id() -> None:
    data = build(EMAIL, signers=[ED25519]).data
    data = re.sub(rb"\r\nMessage-ID: [^\r]*", b"\r\nMessage-ID: <new@relay.example>", data)
    assert verifies(re.sub(rb"\r\nDate: [^\r]*", b"\r\nDate: Mon, 30 Mar 2026 00:00:00 +0000", data))


def test_a_transactional_mail_is_signed_as_well() -> None:
    message = transactional(
        IDENTITY,
        LINKS,
        [RSA, ED25519],
        recipient="ada@example.com",
        subject="Bitte bestätigen  100 %",
        text="Ja?\n",
        html="<p>Ja?</p>\n",
        target=Target(1, 0, 0),
        now=NOW,
    )
    assert verifies(message.data, 2)


def test_fields_of_both_list_headers_and_from_and_subject_are_signed_twice() -> None:
    names = signed_names(["from", "to", "subject", "list-unsubscribe"])
    assert names == [
        *("from", "from", "to", "subject", "subject", "list-unsubscribe", "list-unsubscribe"),
        "list-unsubscribe-post",
    ]
    assert wrapped_names(names * 3).replace(b"\r\n ", b"") == ":".join(names * 3).encode()
    assert max(map(len, wrapped_names(names * 3).split(b"\r\n"))) <= 78


def test_a_key_of_another_kind_is_refused() -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(SettingsError, match="DKIM doesn't use"):
        Signer.from_pem(pem, domain="example.org", selector="s", where="x")
