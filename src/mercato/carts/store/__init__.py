"""All SQL of the carts service. One statement per call of the shopper; `carts` is the header, `lines` its rows."""
