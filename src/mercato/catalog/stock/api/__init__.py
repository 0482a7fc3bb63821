"""REST routes of stock, all for staff."""
