"""Measures a running Mercato: CPU per request and per order, statements, commits, memory, start-up.

`python -m bench` starts a shop of its own on loopback, fills it with 1,001 products, runs the workloads W1 to
W8 of docs/performance.md and prints one table. It drives the server as a client would, checks every answer,
and reads the server's CPU time from /proc (Linux only).
"""
