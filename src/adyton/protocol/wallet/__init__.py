"""Wallets: what is asked of them, by what rules they sign, and what comes back."""
