"""How fast and how small the product is, beside others that do the same work: `make bench`."""
