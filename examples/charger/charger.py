"""A charging station pays for what it has drawn: charger.py CHARGER.json ADDRESS WEI TRANSACTION-ID"""

import sys

from adyton.client import Device

config, to, value, transaction_id = sys.argv[1:]
with Device.open(config) as charger:
    payment = charger.pay(to=to, value=int(value), data=transaction_id)
    print("signed by policy:", payment.hash, flush=True)
    confirmed = payment.wait()
    print("confirmed in block", int(confirmed["blockNumber"], 16))
