"""A carrier that moves no parcel: prices by weight, labels that look real, faults by script.

Owns the schema `simulated_carrier`, which stands for another company's system: carriers reaches it only
through the carrier port. Not there in production.
"""
