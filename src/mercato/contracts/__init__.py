"""What the services say to each other: Protocols, frozen structs, events. No logic, no I/O.

A service implements its Protocol in `service.py`; everyone else calls it through `compose`, which decides
whether the call stays in the process or crosses NATS.
"""
