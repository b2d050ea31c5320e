"""The web floor: routes, and what stands before them."""
