"""The contract engine: Wasm modules in a process of their own, with fuel and nothing else."""
