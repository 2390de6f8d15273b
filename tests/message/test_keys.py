"""The key file: made once, private, and kept when keys change."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from newsletter.config import DkimSettings, SenderSettings, Settings
from newsletter.errors import SettingsError
from newsletter.message.keys import Key, KeyRing, address_hash, load_keys, load_signers
from tests.message.samples import ED25519_KEY, RSA_KEY


def test_the_first_use_makes_a_private_file_and_later_uses_read_it(tmp_path: Path) -> None:
    file = tmp_path / "newsletter.key"
    ring = load_keys(file)
    assert load_keys(file) == ring
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["newsletter.key"]


def test_two_projects_have_different_keys(tmp_path: Path) -> None:
    assert load_keys(tmp_path / "a.key") != load_keys(tmp_path / "b.key")


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(load_keys, [tmp_path / "newsletter.key"] * 32))
    assert len(set(rings)) == 1


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "newsletter.key"
    load_keys(file)
    file.chmod(0o640)
    with pytest.raises(SettingsError, match="others can read") as refusal:
        load_keys(file)
    assert refusal.value.remedy == f"chmod 600 {file}"


@pytest.mark.parametrize(
    "content",
    ["", "# nothing\n", "1 abc\n", "300 " + "a" * 64, "x\0y", "é", "1 " + "a" * 64 + "\n1 " + "b" * 64],
)
def test_a_file_that_holds_no_good_keys_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "newsletter.key"
    file.touch(0o600)
    file.write_text(content)
    with pytest.raises(SettingsError):
        load_keys(file)


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load_keys(tmp_path / "nowhere" / "newsletter.key")


def test_the_newest_key_stands_on_top(tmp_path: Path) -> None:
    file = tmp_path / "newsletter.key"
    old = load_keys(file)
    file.write_text(f"2 {'ab' * 32}\n{file.read_text()}")
    ring = load_keys(file)
    assert ring.newest == Key(2, b"\xab" * 32)
    assert ring.oldest == old.newest


def test_a_suppressed_address_is_still_known_after_a_rotation() -> None:
    old = KeyRing((Key(1, b"k" * 32),))
    rotated = KeyRing((Key(2, b"n" * 32), *old.keys))
    assert address_hash(old, "ada@example.com") == address_hash(rotated, "ada@example.com")
    assert address_hash(old, "ada@example.com") != address_hash(old, "bob@example.com")
    assert address_hash(old, "ada@example.com") != address_hash(KeyRing((Key(1, b"z" * 32),)), "ada@example.com")


def test_a_key_is_not_shown_where_objects_are_printed(tmp_path: Path) -> None:
    ring = load_keys(tmp_path / "newsletter.key")
    assert ring.newest.secret.hex() not in repr(ring)
    assert repr(ring.newest.secret) not in repr(ring)


def test_signers_come_from_the_settings(tmp_path: Path) -> None:
    for name, key in (("rsa.pem", RSA_KEY), ("ed.pem", ED25519_KEY)):
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    settings = Settings(
        root=tmp_path,
        sender=SenderSettings(address="letters@news.example.org"),
        dkims={"main": DkimSettings("r1", "", Path("rsa.pem")), "new": DkimSettings("e1", "d.example", Path("ed.pem"))},
    )
    assert [(signer.algorithm, signer.domain, signer.selector) for signer in load_signers(settings)] == [
        ("rsa-sha256", "news.example.org", "r1"),
        ("ed25519-sha256", "d.example", "e1"),
    ]


def test_a_dkim_section_without_its_key_is_refused(tmp_path: Path) -> None:
    settings = Settings(root=tmp_path, dkims={"main": DkimSettings("r1", "", None)})
    with pytest.raises(SettingsError, match="key_file"):
        load_signers(settings)
    with pytest.raises(SettingsError, match="No such file"):
        load_signers(Settings(root=tmp_path, dkims={"main": DkimSettings("r1", "", Path("gone.pem"))}))


def test_what_is_no_private_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "dkim.pem"
    file.touch(0o600)
    file.write_text("-----BEGIN PRIVATE KEY-----\nhello\n-----END PRIVATE KEY-----\n")
    with pytest.raises(SettingsError, match="not a private key") as refusal:
        load_signers(Settings(root=tmp_path, dkims={"main": DkimSettings("r1", "", file)}))
    assert refusal.value.where == str(file)
