"""What people type. Each command's code is imported when it runs, so that `--help` answers at once."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import NoReturn

import click

from newsletter.errors import NewsletterError, ServiceError

COMMANDS: dict[str, str] = {
    "init": "Make a new project: settings, templates, a sample dojo, an example CSV.",
    "preview": "See in the browser exactly what will be mailed.",
    "build": "Write each page as .html, .txt and .eml.",
    "check": "Report what is wrong with the mails as they would be sent.",
    "test": "Send one page to one address.",
    "subscribers": "Import, export, list, show and erase subscribers.",
    "campaign": "Plan, start, pause, resume, cancel and watch campaigns.",
    "simulate": "Show who would get what, when, without sending.",
    "run": "Schedule and send until stopped.",
    "worker": "Send from another machine (PostgreSQL).",
    "serve": "Serve the public pages: unsubscribe, confirm, preferences, archive.",
    "inbox": "Keep and show mail locally: nothing leaves the machine.",
    "bounces": "Classify and process bounces and complaints.",
    "demo": "Mail a dojo to a local inbox in fast motion.",
    "doctor": "Find what is wrong with settings, database, relay and domain.",
}
"""Command → its line in `newsletter --help`; the code is `newsletter.cli.COMMAND`, a click command `command`."""


INTERRUPTED = 130


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"newsletter.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            from difflib import get_close_matches

            close = get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="newsletter", message="newsletter %(version)s")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="Settings file; else newsletter.toml here or in a folder above.",
)
@click.pass_context
def command(ctx: click.Context, config: str | None) -> None:
    """Turn pages kept in git into responsive emails, and send a series one page at a time.

    \b
    Example:
      newsletter init mydojo && cd mydojo
      newsletter preview
    """
    ctx.obj = config


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with the exit code of the design: 0 done, 1 content, 2 usage, 3 service.

    130 says that Ctrl-C ended it, as shells do.
    """
    try:
        code = command.main(args=arguments, prog_name="newsletter", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        print("\nstopped", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except NewsletterError as error:
        _leave(error)
    except OSError as error:
        if error.errno == errno.EPIPE:  # `| head` has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes stdout when it ends
            sys.exit(1)
        # What no command foresaw: a full or read-only disk, a folder that another user owns.
        full = error.errno == errno.ENOSPC
        remedy = "Make room on the disk." if full else "Check that the place is there and that you may write to it."
        _leave(ServiceError(error.strerror or str(error), where=error.filename, remedy=remedy))
    sys.exit(code if isinstance(code, int) else 0)


def _leave(error: NewsletterError) -> NoReturn:
    from newsletter.cli.terminal import print_error

    print_error(error)
    sys.exit(error.exit_code)
