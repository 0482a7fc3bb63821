"""The contract of the payments service, made of its parts."""

from typing import Protocol

from mercato.contracts.payments.books import Books
from mercato.contracts.payments.collecting import Collecting
from mercato.contracts.payments.credit import Crediting
from mercato.contracts.payments.disputes import Disputing
from mercato.contracts.payments.simulator import Simulating
from mercato.contracts.personal import PersonalRecords


class Payments(Collecting, Crediting, Disputing, Books, Simulating, PersonalRecords, Protocol):
    """The payments service. Every call that moves money is idempotent on the id given by the caller."""
