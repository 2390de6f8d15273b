"""The exports of other senders go in unmodified, and their statuses are obeyed."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.audience.rows import SubscriberRow, open_subscribers
from newsletter.audience.statuses import Standing

MAILCHIMP = '"Email Address","First Name","Last Name",MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,{extra}LAST_CHANGED,LEID,EUID,NOTES,TAGS\n'
EXPORTS = {
    "subscribed_members_export_a1b2.csv": (
        MAILCHIMP.format(extra="")
        + 'ann@acme.example,Ann,Lee,2,"2019-01-02 03:04:05",192.0.2.1,"2019-01-02 03:05:00",192.0.2.1,40.1,-75.2,-5,-4,America/New_York,US,PA,"2020-01-01 00:00:00",123,abc,,"""beta"",""early bird"""\n',
        [("ann@acme.example", Standing.MAILABLE)],
    ),
    "unsubscribed_members_export_a1b2.csv": (
        MAILCHIMP.format(extra="UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_REASON_OTHER,")
        + 'bob@acme.example,Bob,,2,,,"2019-01-02 03:05:00",,,,,,,US,PA,"2021-01-01 00:00:00",Spring,1,"NORMAL (No longer interested)",,"2021-01-01 00:00:00",124,abd,,\n',
        [("bob@acme.example", Standing.UNSUBSCRIBED)],
    ),
    "cleaned_members_export_a1b2.csv": (
        MAILCHIMP.format(extra="CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID,")
        + 'carl@acme.example,Carl,,2,,,,,,,,,,US,PA,"2021-01-01 00:00:00",Spring,1,"2021-01-01 00:00:00",124,abd,,\n',
        [("carl@acme.example", Standing.BOUNCED)],
    ),
    "nonsubscribed_members_export_a1b2.csv": (
        MAILCHIMP.format(extra="") + "dora@acme.example" + "," * 19 + "\n",
        [("dora@acme.example", Standing.UNCONFIRMED)],
    ),
    "email_list.dojo.csv": (  # Substack: free readers have no active (paid) subscription and do get mail
        "email,active_subscription,expiry,plan,email_disabled,created_at,first_payment_at\n"
        "ann@acme.example,false,,other,false,2025-01-01T00:00:00.000Z,\n"
        "bob@acme.example,true,2027-01-01T00:00:00.000Z,yearly,false,2025-01-01T00:00:00.000Z,2025-02-01T00:00:00.000Z\n"
        "carl@acme.example,false,,other,true,2025-01-01T00:00:00.000Z,\n",
        [
            ("ann@acme.example", Standing.MAILABLE),
            ("bob@acme.example", Standing.MAILABLE),
            ("carl@acme.example", Standing.UNSUBSCRIBED),
        ],
    ),
    "listmonk.csv": (
        "uuid,email,name,attributes,status,created_at,updated_at\n"
        'u1,ann@acme.example,Ann,"{""city"": ""Lyon"", ""seats"": 3}",enabled,2025-01-01,2025-01-01\n'
        "u2,bob@acme.example,Bob,{},blocklisted,2025-01-01,2025-01-01\n"
        "u3,carl@acme.example,Carl,{},disabled,2025-01-01,2025-01-01\n",
        [
            ("ann@acme.example", Standing.MAILABLE),
            ("bob@acme.example", Standing.BLOCKED),
            ("carl@acme.example", Standing.UNSUBSCRIBED),
        ],
    ),
    "hubspot.csv": (
        "Record ID,First Name,Email,Email hard bounce reason,Invalid email address,Unsubscribed from all email\n"
        "1,Ann,ann@acme.example,,false,\n"
        "2,Bob,bob@acme.example,UNKNOWN_USER,false,\n"
        "3,Carl,carl@acme.example,,true,\n"
        "4,Dora,dora@acme.example,,false,true\n",
        [
            ("ann@acme.example", Standing.MAILABLE),
            ("bob@acme.example", Standing.BOUNCED),
            ("carl@acme.example", Standing.BOUNCED),
            ("dora@acme.example", Standing.UNSUBSCRIBED),
        ],
    ),
    "suppression-list-of-ses.csv": (
        "EmailAddress,Reason,LastUpdateTime\nann@acme.example,BOUNCE,2026-01-01\nbob@acme.example,COMPLAINT,2026-01-01\n",
        [("ann@acme.example", Standing.BOUNCED), ("bob@acme.example", Standing.COMPLAINED)],
    ),
    "constant-contact.csv": (
        "Email address,First name,Email status,Email permission status\n"
        "ann@acme.example,Ann,Active,Active\nbob@acme.example,Bob,Active,Unsubscribed\n",
        [("ann@acme.example", Standing.MAILABLE), ("bob@acme.example", Standing.UNSUBSCRIBED)],
    ),
    "mailerlite.csv": (
        "Email,Name,Status\nann@acme.example,Ann,Active\nbob@acme.example,Bob,Junk\n",
        [("ann@acme.example", Standing.MAILABLE), ("bob@acme.example", Standing.COMPLAINED)],
    ),
    "ghost.csv": (
        "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,deleted_at,labels,tiers\n"
        "1,ann@acme.example,Ann,,true,false,,2025-01-01T00:00:00.000Z,,VIP,\n"
        "2,bob@acme.example,Bob,,false,false,,2025-01-01T00:00:00.000Z,,,\n",
        [("ann@acme.example", Standing.MAILABLE), ("bob@acme.example", Standing.UNSUBSCRIBED)],
    ),
    "kit.csv": (
        "id,first_name,email,state,created_at,tags\n1,Ann,ann@acme.example,active,2025-01-01,\n"
        "2,Bob,bob@acme.example,cancelled,2025-01-01,\n3,Carl,carl@acme.example,bounced,2025-01-01,\n"
        "4,Dora,dora@acme.example,complained,2025-01-01,\n",
        [
            ("ann@acme.example", Standing.MAILABLE),
            ("bob@acme.example", Standing.UNSUBSCRIBED),
            ("carl@acme.example", Standing.BOUNCED),
            ("dora@acme.example", Standing.COMPLAINED),
        ],
    ),
    "beehiiv.csv": (
        "email,status,created_at,subscription_tier,utm_source\nann@acme.example,active,2025-01-01,free,x\n"
        "bob@acme.example,inactive,2025-01-01,free,\ncarl@acme.example,validating,2025-01-01,free,\n"
        "dora@acme.example,invalid,2025-01-01,free,\n",
        [
            ("ann@acme.example", Standing.MAILABLE),
            ("bob@acme.example", Standing.UNSUBSCRIBED),
            ("carl@acme.example", Standing.UNCONFIRMED),
            ("dora@acme.example", Standing.BOUNCED),
        ],
    ),
    "brevo.csv": (
        "CONTACT ID;EMAIL;LASTNAME;FIRSTNAME;SMS;EMAIL_BLACKLISTED;SMS_BLACKLISTED;ADDED_TIME;MODIFIED_TIME\n"
        "1;ann@acme.example;Lee;Ann;;No;Yes;01-01-2025 10:00:00;\n2;bob@acme.example;Roe;Bob;;Yes;No;01-01-2025 10:00:00;\n",
        [("ann@acme.example", Standing.MAILABLE), ("bob@acme.example", Standing.BLOCKED)],
    ),
    "keila.csv": (
        "Email,First name,Last name,Data,Status\n"
        'ann@acme.example,Ann,Lee,"{""city"": ""Lyon""}",active\nbob@acme.example,Bob,,,unsubscribed\n'
        "carl@acme.example,Carl,,,unreachable\ndora@acme.example,Dora,,,\n",
        [
            ("ann@acme.example", Standing.MAILABLE),
            ("bob@acme.example", Standing.UNSUBSCRIBED),
            ("carl@acme.example", Standing.BOUNCED),
            ("dora@acme.example", Standing.MAILABLE),
        ],
    ),
    "mailtrain.csv": (
        "cid,status,HASH_EMAIL,EMAIL,MERGE_FIRST_NAME\nc1,subscribed,h1,ann@acme.example,Ann\n"
        "c2,unsubscribed,h2,bob@acme.example,Bob\nc3,complained,h3,carl@acme.example,Carl\n",
        [
            ("ann@acme.example", Standing.MAILABLE),
            ("bob@acme.example", Standing.UNSUBSCRIBED),
            ("carl@acme.example", Standing.COMPLAINED),
        ],
    ),
}


def rows_of(folder: Path, name: str, text: str) -> list[SubscriberRow]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return list(open_subscribers(path).rows())


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_understood_and_its_statuses_obeyed(tmp_path: Path, name: str) -> None:
    text, expected = EXPORTS[name]
    rows = rows_of(tmp_path, name, text)
    assert [row.refusal for row in rows] == [""] * len(rows)
    assert [(row.address, row.standing) for row in rows] == expected


def test_mailchimp_brings_names_zones_tags_and_the_time_of_consent(tmp_path: Path) -> None:
    name = "subscribed_members_export_a1b2.csv"
    row = rows_of(tmp_path, name, EXPORTS[name][0])[0]
    assert (row.name, row.zone, row.tags) == ("Ann Lee", "America/New_York", ("beta", "early bird"))
    assert row.opted_in.startswith("2019-01-02")
    assert row.attributes["first_name"] == "Ann"


def test_listmonk_and_keila_attributes_are_flattened(tmp_path: Path) -> None:
    assert rows_of(tmp_path, "l.csv", EXPORTS["listmonk.csv"][0])[0].attributes["city"] == "Lyon"
    assert rows_of(tmp_path, "k.csv", EXPORTS["keila.csv"][0])[0].attributes["city"] == "Lyon"


@pytest.mark.parametrize(
    ("column", "cell", "standing"),
    [
        ("Status", "abgemeldet", Standing.UNSUBSCRIBED), ("Statut", "désabonné", Standing.UNSUBSCRIBED),
        ("Opted out", "2024-01-01", Standing.UNSUBSCRIBED), ("Unsubscribed at", "", Standing.MAILABLE),
        ("unsubscribed_at", "0000-00-00 00:00:00", Standing.MAILABLE), ("Accepts Email Marketing", "no", Standing.UNSUBSCRIBED),
        ("Subscribed", "", Standing.UNCONFIRMED), ("confirmed", "false", Standing.UNCONFIRMED), ("Status", "", Standing.MAILABLE),
        ("Bounced", "1", Standing.BOUNCED), ("Unsubscribed from all email", "true", Standing.UNSUBSCRIBED),
        ("Email Opt-Out Date", "2024-01-01", Standing.UNSUBSCRIBED), ("Unsubscribe reason", "too many", Standing.MAILABLE),
        ("unsubscribe_url", "https://x.example/u", Standing.MAILABLE), ("bounce_count", "3", Standing.MAILABLE),
        ("Marketing opt-in", "no", Standing.UNSUBSCRIBED), ("is_blacklisted", "yes", Standing.BLOCKED), ("SMS_BLACKLISTED", "yes", Standing.MAILABLE),
 ("State", "NY", Standing.MAILABLE), ("State", "unsubscribed", Standing.UNSUBSCRIBED),
    ],
)  # fmt: skip
def test_status_columns_of_spreadsheets_are_obeyed(tmp_path: Path, column: str, cell: str, standing: Standing) -> None:
    assert rows_of(tmp_path, "x.csv", f"email,{column}\nann@acme.example,{cell}\n")[0].standing is standing


def test_an_unknown_status_is_refused_rather_than_mailed(tmp_path: Path) -> None:
    assert (
        "'gone fishing' is not known"
        in rows_of(tmp_path, "x.csv", "email,status\nann@acme.example,gone fishing\n")[0].refusal
    )


def test_a_consent_column_that_nobody_filled_says_nothing_and_an_empty_cell_among_answers_does(tmp_path: Path) -> None:
    unused = rows_of(tmp_path, "brevo.csv", "EMAIL;OPT_IN;DOUBLE_OPT-IN\na@acme.example;;\nb@acme.example;;\n")
    assert [row.standing for row in unused] == [Standing.MAILABLE, Standing.MAILABLE]
    used = rows_of(tmp_path, "used.csv", "EMAIL;OPT_IN\na@acme.example;1\nb@acme.example;\n")
    assert [row.standing for row in used] == [Standing.MAILABLE, Standing.UNCONFIRMED]


@pytest.mark.parametrize(
    ("written", "zone"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
        ("../etc/passwd", ""),
        ("Mars/Base", ""),
    ],
)
def test_zones_are_read_as_other_senders_write_them(tmp_path: Path, written: str, zone: str) -> None:
    (row,) = rows_of(tmp_path, "mailtrain.csv", f"EMAIL,tz\na@acme.example,{written}\n")
    assert row.zone == zone
