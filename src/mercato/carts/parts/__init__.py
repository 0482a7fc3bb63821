"""Parts of the carts contract that staff uses; `CartsService` is made of them."""
