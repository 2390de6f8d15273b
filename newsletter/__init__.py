"""Turn pages kept in git into responsive emails, and send a series one page at a time over SMTP."""

__version__ = "0.1.0"
