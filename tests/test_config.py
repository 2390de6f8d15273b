"""newsletter.toml and NEWSLETTER_* become Settings, or a clear error."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.config import find_project, load_settings
from newsletter.errors import SettingsError


def load(tmp_path: Path, text: str, **environment: str):
    file = tmp_path / "newsletter.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file, environment)


def test_without_a_file_the_defaults_are_used() -> None:
    settings = load_settings(None, {})
    assert settings.database.url == "sqlite:///newsletter.db"
    assert list(settings.relays) == ["main"]


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    settings = load(
        tmp_path, '[relay]\nhost = "a.example"', NEWSLETTER_RELAY_HOST="b.example", NEWSLETTER_RELAY_PORT="26"
    )
    assert settings.relays["main"].host == "b.example"
    assert settings.relays["main"].port == 26


def test_several_relays_each_have_a_name_and_their_own_variables(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        '[relays.first]\nhost = "a.example"\n[relays.second]\nhost = "b.example"',
        NEWSLETTER_RELAY_SECOND_PASSWORD="secret",
    )
    assert {name: relay.host for name, relay in settings.relays.items()} == {
        "first": "a.example",
        "second": "b.example",
    }
    assert settings.relays["second"].password == "secret"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[site\n", "is not TOML"),
        ("[sites]\n", "unknown section [sites]"),
        ("[site]\nbaseurl = 'x'", "unknown key 'baseurl' in [site]"),
        ("[site]\nzone = 'Mars/Olympus'", "not an IANA time zone"),
        ("[site]\nname = 3", "[site] name is 3"),
        ("[relay]\nport = '25'", "[relay] port is '25'"),
        ("[relay]\nsecurity = 'none'", "[relay] security is 'none'"),
        ("[relay]\nhost = 'mail.example'\nsecurity = 'plain'", "unencrypted"),
        ("[relay]\npassword = 'hunter2'", "must not stand in a file"),
        ("site = 3", "[site] is not a table"),
    ],
)
def test_a_mistake_is_named_with_file_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text)
    assert message in str(caught.value)
    assert "newsletter.toml" in caught.value.where
    assert caught.value.exit_code == 2


def test_a_password_comes_from_a_private_file_only(tmp_path: Path) -> None:
    secret = tmp_path / "relay.secret"
    secret.write_text("hunter2\n")
    secret.chmod(0o644)
    with pytest.raises(SettingsError, match="others can read"):
        load(tmp_path, '[relay]\npassword_file = "relay.secret"')
    secret.chmod(0o600)
    assert load(tmp_path, '[relay]\npassword_file = "relay.secret"').relays["main"].password == "hunter2"


def test_secrets_are_not_printed(tmp_path: Path) -> None:
    settings = load(tmp_path, "", NEWSLETTER_RELAY_PASSWORD="hunter2")
    assert settings.relays["main"].password == "hunter2"
    assert "hunter2" not in repr(settings)


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "newsletter.toml"
    file.write_bytes(b'[site]\nname = "caf\xe9"')
    with pytest.raises(SettingsError, match="not UTF-8"):
        load_settings(file, {})


def test_the_project_is_found_from_a_folder_below(tmp_path: Path) -> None:
    (tmp_path / "newsletter.toml").touch()
    below = tmp_path / "content" / "unions"
    below.mkdir(parents=True)
    assert find_project(below) == tmp_path / "newsletter.toml"


def test_relative_paths_start_at_the_settings_file(tmp_path: Path) -> None:
    settings = load(tmp_path, '[site]\ncontent = "pages"\n[database]\nurl = "sqlite:///var/mail.db"')
    assert settings.path(settings.site.content) == tmp_path / "pages"
    assert settings.database_url == f"sqlite:///{tmp_path}/var/mail.db"


def test_dotted_client_names_are_read_as_written(tmp_path: Path) -> None:
    settings = load(tmp_path, '[check.clients]\noutlook.windows = "2016"\n')
    assert settings.check.clients == {"outlook.windows": "2016"}
