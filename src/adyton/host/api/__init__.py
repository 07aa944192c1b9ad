"""HTTP routes of a node; sealed bytes in, sealed bytes out."""
