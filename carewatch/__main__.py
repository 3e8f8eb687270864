"""The command line: ``carewatch COMMAND``, or ``python -P -m carewatch COMMAND``."""

import typer

from carewatch.commands.decode import decode

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def carewatch() -> None:
    """CareWatch: emergency response for old people living at home. Nothing is lost, and someone comes."""


app.command()(decode)


def main() -> None:
    """Run the command line; exits with 0, or 2 for a wrong argument."""
    app()


if __name__ == "__main__":
    main()
