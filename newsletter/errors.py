"""The whole tree of errors.

    NewsletterError                 exit
    ├── UsageError                  2   the command line or a setting is at fault
    │   └── SettingsError               newsletter.toml or NEWSLETTER_*: file, key, remedy
    ├── MaterialError               1   content or data is at fault: file, line, remedy
    │   ├── ContentError                a page that can't be read
    │   ├── TemplateError               a template or a merge expression that can't be rendered
    │   ├── PictureError                a picture that is not one, or is a bomb
    │   ├── CampaignError               a campaign file or a change that can't be applied
    │   ├── SegmentError                a segment expression that can't be read
    │   ├── LinkError                   a signed link that is forged, cut short, out of date or for another purpose
    │   └── DataError                   a CSV, an address, a value of a subscriber
    ├── ServiceError                3   a service that is needed did not answer
    │   ├── StoreError                  the database
    │   ├── RelayError                  the SMTP relay as a whole: connection, TLS, login, sender refused
    │   └── MissingToolError            a program that the command needs is not installed
    └── AlreadyRunningError         3   another `newsletter run` holds the lock

Replies of a relay to one message are not errors but data: see `newsletter.delivery.smtp.reply`.
"""

from __future__ import annotations

from pathlib import PurePath


class NewsletterError(Exception):
    """Something went wrong that a person can mend.

    `message` says what is wrong, `where` which file, row, key or address, `remedy` how to mend it.
    """

    exit_code = 1

    def __init__(
        self, message: str, *, where: str | PurePath | None = None, line: int | None = None, remedy: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = str(where) if where is not None else ""
        self.line = line
        self.remedy = remedy

    @property
    def place(self) -> str:
        """`file:line`, as far as it is known."""
        return f"{self.where}:{self.line}" if self.where and self.line is not None else self.where

    def __str__(self) -> str:
        head = f"{self.place}: {self.message}" if self.place else self.message
        return f"{head}\n  {self.remedy}" if self.remedy else head


class UsageError(NewsletterError):
    """The command line asks for something that can't be done."""

    exit_code = 2


class SettingsError(UsageError):
    """newsletter.toml or an environment variable holds something that can't be used."""


class MaterialError(NewsletterError):
    """Content or data is at fault."""

    exit_code = 1


class ContentError(MaterialError):
    """A page can't be read, so it is never sent."""


class TemplateError(MaterialError):
    """A template or a merge expression can't be rendered."""


class PictureError(MaterialError):
    """A picture can't be used."""


class CampaignError(MaterialError):
    """A campaign file, or a change to a campaign, can't be applied."""


class SegmentError(MaterialError):
    """A segment expression can't be read."""


class LinkError(MaterialError):
    """A signed link is forged, cut short, out of date, or made for another purpose."""


class DataError(MaterialError):
    """A CSV, an address or a subscriber's value can't be used."""


class ServiceError(NewsletterError):
    """A service that is needed did not answer."""

    exit_code = 3


class StoreError(ServiceError):
    """The database can't be reached, is locked, full, or of another version."""


class RelayError(ServiceError):
    """The relay refuses us as a whole; no subscriber is to blame."""


class MissingToolError(ServiceError):
    """A program that the command needs is not installed."""


class AlreadyRunningError(ServiceError):
    """Another process is already doing this job on this database."""
