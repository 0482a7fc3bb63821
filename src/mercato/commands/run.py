"""mercato run"""

import sys


def run(*targets: str) -> None:
    """Run the named modules in this process, against DATABASE_URL (or <SERVICE>_DATABASE_URL) and NATS_URL.

    Parameters
    ----------
    targets
        `all`, or any of: edge, users, stock, catalog, carts, orders, payments, notifications.
    """
    # structlog loads rich when there is one, for tracebacks in color that no server prints: 0.1 s and 8 MB.
    sys.modules["rich"] = None  # type: ignore[assignment]
    from mercato import compose

    del sys.modules["rich"]
    compose.run(targets)
