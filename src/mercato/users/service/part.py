"""What every part of the users service works with."""

from mercato.kernel.db import Database
from mercato.users.parts import Parts
from mercato.users.principals import Principals
from mercato.users.tokens import SigningKeys


class Part:
    """A part implements one part of the contract; the service is made of all of them, built once."""

    database: Database
    parts: Parts
    keys: SigningKeys
    principals: Principals
