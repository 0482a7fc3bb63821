"""All SQL of the stock service.

Locks are taken in one order everywhere: reservations of the owners concerned, then levels by variant and
location. Levels are locked in a materialized CTE before they are updated, as `update … from` alone locks in
the order of its plan.
"""
