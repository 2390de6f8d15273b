"""The doctor reads key files as a campaign would, not only their permissions."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from newsletter.config import DkimSettings, Settings
from newsletter.doctor.diagnosis import Diagnosis, State
from newsletter.doctor.project import examine_project
from newsletter.message.keys import load_keys


def examine(root: Path) -> dict[str, Diagnosis]:
    settings = Settings(root=root, dkims={"main": DkimSettings(selector="s1", key_file=Path("dkim.pem"))})
    return {diagnosis.subject: diagnosis for diagnosis in examine_project(settings)}


def write_private(path: Path, data: bytes, mode: int = 0o600) -> None:
    path.write_bytes(data)
    path.chmod(mode)


@pytest.fixture
def pem() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_keys_that_can_be_used_are_good(tmp_path: Path, pem: bytes) -> None:
    write_private(tmp_path / "dkim.pem", pem)
    load_keys(tmp_path / "newsletter.key")
    found = examine(tmp_path)
    assert found["DKIM key main"].state is State.GOOD
    assert found["link keys"].state is State.GOOD


def test_a_private_file_that_holds_no_key_is_bad(tmp_path: Path) -> None:
    write_private(tmp_path / "dkim.pem", b"junk\n")
    write_private(tmp_path / "newsletter.key", b"junk\n")
    found = examine(tmp_path)
    assert found["DKIM key main"].state is State.BAD
    assert "openssl" in found["DKIM key main"].remedy
    assert found["link keys"].state is State.BAD
    assert found["link keys"].remedy


def test_a_key_that_others_can_read_is_bad_and_says_the_command(tmp_path: Path, pem: bytes) -> None:
    write_private(tmp_path / "dkim.pem", pem, mode=0o644)
    assert examine(tmp_path)["DKIM key main"].remedy.startswith("chmod 600 ")
