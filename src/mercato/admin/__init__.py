"""The admin dashboard: server-rendered pages for staff, clients of the contracts only.

Owns no table and no rule: each page asks a contract, shows the answer, and passes on what staff decides.
Every route names the permission it needs, and the services check it again.
"""
