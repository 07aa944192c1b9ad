"""Engines put requests in order and call the enclave with blocks."""
