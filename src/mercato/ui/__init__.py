"""The user interface kit: tokens, styles, scripts, icons, charts, shared templates and how they are rendered.

Owns the Jinja2 environment, the built assets and the components that storefront and admin pages are made of.
Does not own any page of the shop or the admin, and knows no product, cart or order.
"""
