"""REST routes of orders: `shop` for buyers, `admin` for staff."""
