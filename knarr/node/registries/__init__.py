"""Bring images to the node: whose credentials open which registry, who may use what was pulled with them."""
