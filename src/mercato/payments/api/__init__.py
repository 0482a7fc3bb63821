"""REST routes of payments, run in the edge."""

from mercato.payments.api import books, credit, disputes

routes = [*books.routes, *credit.routes, *disputes.routes]
page_routes = books.page_routes
