"""Wallets inside the enclave: what they hold, what they sign, and what they remember of it."""
