"""The sides of a demo that no enclave plays: an issuer of credentials, and their holder's wallet.

Nothing here draws randomness: salts, decoys and keys come from the caller.
"""
