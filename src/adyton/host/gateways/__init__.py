"""Ways to a node that are not its HTTP interface. Untrusted, like all of the host: they carry sealed bytes."""
