"""REST routes of payments, run in the edge."""

from mercato.payments.api import books, credit

routes = [*books.routes, *credit.routes]
page_routes = books.page_routes
