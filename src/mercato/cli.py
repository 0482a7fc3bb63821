"""The command line: names of commands and where each lives. A command is imported only when it is called."""

import os
import sys
from collections.abc import Sequence

import cyclopts

from mercato import __version__
from mercato.kernel.refusals import Refusal

app = cyclopts.App(
    name="mercato",
    help="An open e-commerce platform: one command gives a working shop.",
    version=__version__,
    result_action="return_value",
)
app.command("mercato.commands.up:up", help="Run a whole shop on this machine.")
app.command("mercato.commands.run:run", help="Run the named modules against DATABASE_URL and NATS_URL.")
app.command("mercato.commands.migrate:migrate", help="Bring the database to this version.")
app.command("mercato.commands.prepare:prepare", show=False)
app.command("mercato.commands.version:version", help="Print versions.")


def run(arguments: Sequence[str]) -> int:
    """Run the command that `arguments` name; returns the exit code."""
    try:
        done = app(arguments)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if not _is_expected(error):
            raise
        print(f"mercato: {error}", file=sys.stderr)
        return 1
    return done if isinstance(done, int) else 0


def _is_expected(error: Exception) -> bool:
    """Whether `error` tells the operator what to do; anything else is a defect and shows its traceback."""
    from mercato.kernel.errors import MercatoError

    return isinstance(error, Refusal | MercatoError)
