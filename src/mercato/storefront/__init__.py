"""The storefront: the pages on which people look, choose and buy.

Owns screens, their templates and what a page remembers in cookies (the bag). Does not own any rule of the
shop: products, prices, carts and orders come from the services through their contracts, components from
`mercato.ui`.
"""
