"""The command line: names of commands and where each lives. A command is imported only when it is called."""

import os
import sys
from collections.abc import Sequence

import cyclopts

from mercato import __version__
from mercato.refusals import Refusal

app = cyclopts.App(
    name="mercato",
    help="An open e-commerce platform: one command gives a working shop.",
    version=__version__,
    result_action="return_value",
)
app.command("mercato.commands.up:up", help="Run a whole shop on this machine.")
app.command("mercato.commands.run:run", help="Run the named modules against DATABASE_URL and NATS_URL.")
app.command("mercato.commands.migrate:migrate", help="Bring the database to this version.")
app.command("mercato.commands.seed:seed", help="Put the demo catalog into the shop.")
app.command("mercato.commands.verify:verify", help="Recompute stock, money and events from their ledgers.")
app.command("mercato.commands.reconcile:reconcile", help="Compare payments with the provider's own list.")
app.command("mercato.commands.version:version", help="Print versions.")
app.command("mercato.commands.prepare:prepare", show=False)

users = cyclopts.App(name="users", help="Accounts of the shop's staff.")
users.command("mercato.commands.owner:create_owner", name="create-owner", help="Create the first owner.")
users.command(
    "mercato.commands.breach_filter:breach_filter",
    name="breach-filter",
    help="Make the file of breached passwords.",
)
customers = cyclopts.App(name="customers", help="What the shop knows about people.")
customers.command(
    "mercato.commands.personal_data:export_customer", name="export", help="Write it into a file."
)
customers.command(
    "mercato.commands.personal_data:erase_customer", name="erase", help="Forget somebody for good."
)
app.command(
    "mercato.commands.personal_data:retention", name="retention", help="Forget what is old enough, now."
)
search = cyclopts.App(name="search", help="The search index.")
search.command(
    "mercato.commands.rebuild:search", name="rebuild", help="Write the index anew from the tables."
)
imports = cyclopts.App(name="import", help="Read files into the shop.")
imports.command(
    "mercato.commands.product_files:import_products", name="products", help="Create and update products."
)
exports = cyclopts.App(name="export", help="Write files from the shop.")
exports.command("mercato.commands.product_files:export_products", name="products", help="Every product.")
events = cyclopts.App(name="events", help="Facts on their way between services.")
events.command("mercato.commands.rebuild:events", name="rebuild", help="Refill a broker that lost its store.")
for group in (imports, exports, users, customers, search, events):
    app.command(group)


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
