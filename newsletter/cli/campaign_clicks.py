"""`newsletter campaign clicks`: how often the links of a campaign were followed."""

from __future__ import annotations

import click

from newsletter.cli.project import looking
from newsletter.cli.terminal import out, print_table


@click.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
@click.pass_context
def clicks(ctx: click.Context, name: str, as_json: bool) -> None:
    """Say how often each link was followed, where the campaign counts that: `tracking = "clicks"`.

    The numbers are per link, never per reader. Scanners of mail gateways are counted apart, as far as they show themselves.

    \b
    Example:
      newsletter campaign clicks captains
    """
    import json

    from rich.table import Table

    from newsletter.errors import CampaignError
    from newsletter.store.campaigns import campaign_named
    from newsletter.store.clicks import clicks_of

    with looking(ctx) as database, database.reading() as connection:
        campaign = campaign_named(connection, name)
        if campaign is None:
            raise CampaignError(
                f"there is no campaign {name!r}", remedy="newsletter campaign status  lists those there are."
            )
        found = clicks_of(connection, campaign.id)
    if as_json:
        click.echo(json.dumps([row._asdict() for row in found], ensure_ascii=False, indent=2))
        return
    if not found:
        out.print(f'{name} counts no clicks. To count: tracking = "clicks" in campaigns/{name}.toml', markup=False)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("page", "link", "readers", "scanners"):
        table.add_column(column, justify="right" if column in ("readers", "scanners") else "left", overflow="fold")
    for row in found:
        table.add_row(row.page_id, row.url, f"{row.people:,}", f"{row.scanners:,}")
    print_table(table)
