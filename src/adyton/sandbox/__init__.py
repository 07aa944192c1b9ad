"""Confines guests; only the enclave imports it."""
