"""Framing and transports between host and enclave; both sides use it, so it is measured."""
