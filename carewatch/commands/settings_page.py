"""`carewatch settings`: every setting, with its variable, default and meaning."""

import typer

from carewatch.settings_page import page


def settings() -> None:
    """Print every setting with its environment variable, default and meaning, in Markdown."""
    typer.echo(page(), nl=False)
