"""Ethereum's own formats, strictly: RLP, transactions, messages, typed data, addresses, keys.

Nothing in here keeps a key or decides what is signed. JSON comes in as parsed values, bytes from the network as bytes;
what is not the one form of a valid thing is refused, and the refusal says which field and what to do.
"""
