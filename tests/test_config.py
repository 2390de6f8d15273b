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
        ("[site]\nzone = 'Mars/Olympus'", "IANA time zone"),
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


HOSTILE = [
    ("[site]\nname = 3", "[site] name is 3"),
    ("[site]\nname = ''", "[site] name is ''"),
    ('[site]\nname = "a\\r\\nBcc: x@example.com"', "[site] name is"),
    ("[site]\nbase_url = ''", "[site] base_url is ''"),
    ("[site]\nbase_url = 'not a url'", "[site] base_url"),
    ("[site]\nbase_url = 'ftp://example.com'", "[site] base_url"),
    ("[site]\nbase_url = 'https://'", "[site] base_url"),
    ("[site]\nbase_url = 'https://me:secret@example.com'", "[site] base_url"),
    ("[site]\nbase_url = 'https://example.com:99999'", "[site] base_url"),
    ("[site]\nbase_url = 'javascript:alert(1)'", "[site] base_url"),
    ("[site]\nbase_url = ['https://example.com']", "[site] base_url"),
    ("[site]\nlang = 'english language'", "[site] lang"),
    ("[site]\nzone = 'Mars/Olympus'", "[site] zone"),
    ("[site]\nzone = '../../etc/passwd'", "[site] zone"),
    ("[site]\nzone = ''", "[site] zone"),
    ("[site]\nzone = 'Europe'", "[site] zone"),
    ("[site]\ncontent = ''", "[site] content"),
    ('[site]\ncontent = "a\\u0000b"', "[site] content"),
    ("[site]\ncontent = 5", "[site] content"),
    ('[sender]\nname = "A\\nBcc: b@example.com"', "[sender] name"),
    ("[sender]\naddress = 'nobody'", "[sender] address"),
    ("[sender]\naddress = ''", "[sender] address"),
    ("[sender]\naddress = 'Me <me@example.com>'", "[sender] address"),
    ('[sender]\naddress = "me@example.com\\r\\nX: y"', "[sender] address"),
    ("[sender]\nreply_to = 'a@b@c d'", "[sender] reply_to"),
    ("[sender]\nbounce_domain = 'exa mple.com'", "[sender] bounce_domain"),
    ("[sender]\nlist_domain = 'a..b'", "[sender] list_domain"),
    ("[sender]\npostal_address = true", "[sender] postal_address is true"),
    ("[sender]\nname = '" + "x" * 5000 + "'", "5,002 characters"),
    ("[relay]\nhost = ''", "[relay] host"),
    ("[relay]\nhost = 'mail.example.com:587'", "[relay] host"),
    ("[relay]\nport = '25'", "[relay] port is '25'"),
    ("[relay]\nport = 70000", "[relay] port is 70000"),
    ("[relay]\nport = -1", "[relay] port is -1"),
    ("[relay]\nport = true", "[relay] port is true"),
    ("[relay]\nport = 25.0", "[relay] port is 25.0"),
    ("[relay]\nconnections = 0", "[relay] connections is 0"),
    ("[relay]\nmessages_per_connection = 0", "[relay] messages_per_connection"),
    ("[relay]\nper_hour = -5", "[relay] per_hour is -5"),
    ("[relay]\nper_second = -0.5", "[relay] per_second is -0.5"),
    ("[relay]\nper_second = nan", "[relay] per_second is nan"),
    ("[relay]\nper_second = inf", "[relay] per_second is inf"),
    ("[relay]\nper_second = " + "9" * 400, "[relay] per_second"),
    ("[relay]\nwarm_up = [200, -1]", "[relay] warm_up"),
    ("[relay]\nwarm_up = 200", "[relay] warm_up is 200"),
    ("[relay]\nweight = -1", "[relay] weight is -1"),
    ("[relay]\nsecurity = ['plain']", "[relay] security is ['plain']"),
    ("[relays]\nmain = 3", "[relays.main] is not a table"),
    ("relays = 3", "[relays] is not a table"),
    ("[relays]\n'a b' = {}", "[relays] has the name 'a b'"),
    ("[relays.second]\nhost = ''", "[relays.second] host"),
    ("[dkim]\nselector = 'a b'", "[dkim] selector"),
    ("[dkim]\ndomain = 'https://example.com'", "[dkim] domain"),
    ("[database]\nurl = ''", "[database] url can't be used"),
    ("[database]\nurl = 'mysql://localhost/x'", "[database] url can't be used"),
    ("[database]\nurl_file = 5", "[database] url_file"),
    ("[database]\nurl_file = 'missing'", "missing can't be read"),
    ("[web]\nurl = 'example.com'", "[web] url"),
    ("[web]\nport = 0", "[web] port is 0"),
    ("[web]\nport = 70000", "[web] port is 70000"),
    ("[web]\nhost = 'a b'", "[web] host"),
    ("[web]\ntrusted_proxies = ['somewhere']", "[web] trusted_proxies"),
    ("[web]\nkey_file = ''", "[web] key_file"),
    ("[pictures]\nurl = 'pictures'", "[pictures] url"),
    ("[pictures]\ndelivery = 'inline'", "[pictures] delivery is 'inline'"),
    ("[check]\nignore = 'dkim-missing'", "[check] ignore"),
    ("[check]\nclients = 5", "[check] clients is 5"),
    ("[bounces]\nmailbox = 'imap.example.com'", "[bounces] mailbox"),
    ("[bounces]\nsoft_limit = 0", "[bounces] soft_limit"),
    ("[log]\nmetrics_port = 99999", "[log] metrics_port"),
    ("[relay]\nhots = 'x'", "unknown key 'hots' in [relay]"),
]


@pytest.mark.parametrize(("text", "message"), HOSTILE, ids=range(len(HOSTILE)))
def test_a_value_that_cannot_be_used_is_named_with_key_line_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, "# settings\n" + text)
    error = caught.value
    assert message in error.message
    assert error.line == 2 + text.count("\n")
    assert error.remedy
    assert "<class" not in str(error)
    assert len(str(error)) < 600


def test_an_environment_variable_obeys_the_same_rules() -> None:
    for variable, value in (
        ("SITE_BASE_URL", "nowhere"),
        ("RELAY_PORT", "many"),
        ("RELAY_PORT", "70000"),
        ("RELAY_PER_SECOND", "nan"),
        ("SENDER_ADDRESS", "a\r\nb@example.com"),
        ("RELAY_WARM_UP", "1,x"),
        ("RELAY_PASSWORD", "a\r\nRSET"),
    ):
        with pytest.raises(SettingsError) as caught:
            load_settings(None, {f"NEWSLETTER_{variable}": value})
        assert f"NEWSLETTER_{variable}" in caught.value.message
        assert caught.value.remedy


def test_a_secret_that_cannot_be_used_is_not_printed(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, "[database]\nurl = 'mysql://me:hunter2@host/x'")
    assert "hunter2" not in str(caught.value)


def test_values_that_people_have_are_taken(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        "[site]\nbase_url = 'http://bücher.example:8080/blog/'\n"
        "[sender]\naddress = 'o\u2019brien+news@exämple.com'\npostal_address = '''1 Street\nTown'''\n"
        "[relay]\nhost = '::1'\nport = 25\n[bounces]\nmailbox = 'imaps://me@example.com@imap.example.com/INBOX'\n",
    )
    assert settings.site.base_url == "http://bücher.example:8080/blog/"
    assert settings.relays["main"].host == "::1"


def test_a_folder_or_a_huge_file_is_no_file_of_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can't be read"):
        load_settings(tmp_path, {})
    file = tmp_path / "newsletter.toml"
    file.write_bytes(b"# x\n" * 300_000)
    with pytest.raises(SettingsError, match="1,200,000 bytes"):
        load_settings(file, {})
