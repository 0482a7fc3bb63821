"""Files in and out: product tables as CSV, read by a column mapping and written in Mercato's own.

Owns the mappings, the reading, the order of an import and its error file. Does not own a table: everything
goes through the catalog's contract, so rules and permissions are the same as for staff.
"""
