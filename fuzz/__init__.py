"""Coverage-guided fuzzing of every parser that faces a stranger: enclave, host and client."""
