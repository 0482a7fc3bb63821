"""REST routes of accounts; they run in the edge and call the contract only."""

from mercato.users.api import (
    acting,
    address_rules,
    admin,
    api_keys,
    auth,
    factors,
    me,
    personal,
    roles,
)

routes = [
    *address_rules.routes,
    *auth.routes,
    *me.routes,
    *factors.routes,
    *admin.routes,
    *api_keys.routes,
    *roles.routes,
    *personal.routes,
    *acting.routes,
]
