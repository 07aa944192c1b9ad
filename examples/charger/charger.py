"""A charging station pays for what it has drawn: charger.py CHARGER.json ADDRESS WEI TRANSACTION-ID"""

import sys

from adyton.client import ApprovalPending, Device

DAY_S = 24 * 3600

config, to, value, transaction_id = sys.argv[1:]
with Device.open(config) as charger:
    try:
        payment = charger.pay(to=to, value=int(value), data=transaction_id)
    except ApprovalPending as waits:
        print("waits for approvals:", waits.proposal.hex(), flush=True)
        payment = charger.claim(transaction_id, timeout_s=DAY_S)
    print("signed by policy:", payment.hash, flush=True)
    confirmed = payment.wait()
    print("confirmed in block", int(confirmed["blockNumber"], 16))
