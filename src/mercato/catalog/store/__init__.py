"""All SQL of the catalog, one module per subject. Every statement names only the schema `catalog`."""
