"""Adyton: code, contracts, credentials and wallets inside a trusted execution environment."""
