"""The long-lived process of `mercato up`; its one argument is UpOptions as JSON."""

import sys

from mercato.supervisor.options import UpOptions
from mercato.supervisor.up import up

if __name__ == "__main__":
    sys.exit(up(UpOptions.from_json(sys.argv[1])))
