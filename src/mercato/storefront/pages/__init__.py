"""The screens of the shop, one module each; every module exports its handlers as `routes`."""
