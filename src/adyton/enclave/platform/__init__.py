"""Ports to the platform beneath: evidence, entropy, clock and the sealing key."""
