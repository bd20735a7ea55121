"""Claims of the socialist calculation debate, and the studies that test them."""
