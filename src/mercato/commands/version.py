"""mercato version"""

import platform

from mercato import __version__


def version() -> None:
    """Print the versions of Mercato, Python and the servers it would start."""
    from mercato.engines import EngineError, binaries
    from mercato.engines.child import unprivileged_account

    print(f"Mercato {__version__}")
    print(f"Python {platform.python_version()} on {platform.platform()}")
    try:
        print(f"PostgreSQL {binaries.postgres_major(binaries.postgres_home(unprivileged_account()))}")
        print(f"NATS {binaries.nats_version()}")
    except EngineError as error:
        print(error)
