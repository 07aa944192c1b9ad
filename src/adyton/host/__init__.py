"""The untrusted side: it may crash, lie or replay, and learns nothing."""
