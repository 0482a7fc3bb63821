"""REST routes of carts: `shop` for shoppers, `admin` for staff."""
