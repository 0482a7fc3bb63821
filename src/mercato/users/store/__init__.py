"""All SQL of the users service, one module per kind of row."""
