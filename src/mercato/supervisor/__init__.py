"""`mercato up`: everything one machine needs for a shop, started, watched and stopped together.

Owns the data directory, its lock and secrets, the order of starting and stopping, and restarting what dies.
Does not own how a server is launched (`mercato.engines`) nor what a worker serves (`mercato.compose`). This
process lives as long as the shop and answers no request, so it imports only the standard library.
"""
