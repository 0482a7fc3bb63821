"""mercato run"""


def run(*targets: str) -> None:
    """Run the named modules in this process, against DATABASE_URL (or <SERVICE>_DATABASE_URL) and NATS_URL.

    Parameters
    ----------
    targets
        `all`, or any of: edge, users, stock, catalog, carts, orders, payments, notifications.
    """
    from mercato import compose

    compose.run(targets)
