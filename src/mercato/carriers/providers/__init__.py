"""The carrier port and the way carriers are found."""
