"""A shop under load whose processes are killed; then what buyers were told is compared with the books."""
