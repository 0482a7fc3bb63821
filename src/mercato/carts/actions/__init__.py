"""The verbs of carts: create and edit, freeze and thaw, merge, and what staff changes."""
