"""A JSON-RPC endpoint whose accounts are wallets in the enclave: web3.py, ethers and cast use it unchanged.

Between three parties: a program on this machine, the enclave that signs, and an Ethereum node that may lie. What is
signed is asked of the enclave, what is read is the node's word, and nothing that the node says can make a payment cost
more than the caps allow.
"""
