"""Work outside a request: jobs, schedules, who leads, what is forgotten in time."""
