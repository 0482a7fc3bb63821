"""The contract of the users service, made of its parts."""

from typing import Protocol

from mercato.contracts.personal import PersonalRecords
from mercato.contracts.users.accounts import Accounts
from mercato.contracts.users.acting import Acting
from mercato.contracts.users.external import ExternalSignIns
from mercato.contracts.users.factors import Factors
from mercato.contracts.users.keys import ApiKeys
from mercato.contracts.users.personal import Personal
from mercato.contracts.users.roles import Roles
from mercato.contracts.users.sign_ins import SignIns
from mercato.contracts.users.staff import Staff


class Users(
    Accounts,
    SignIns,
    Factors,
    ExternalSignIns,
    Staff,
    ApiKeys,
    Roles,
    Personal,
    Acting,
    PersonalRecords,
    Protocol,
):
    """The users service. Answers never tell whether an address has an account."""
