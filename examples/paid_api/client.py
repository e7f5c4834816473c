"""Buys an API call: asks, is told to pay, pays, and asks again with the proof.

``python -m examples.paid_api.client "some words to count"``
"""

import sys
from typing import Any

import httpx

from paidflow.payments.sandbox import SandboxGateway


def buy(server: httpx.Client, path: str, wallet: SandboxGateway, **params: str) -> Any:
    answer = server.get(path, params=params)
    if answer.status_code == httpx.codes.PAYMENT_REQUIRED:
        receipt = answer.json()["receipt"]
        print("to pay:", receipt["amount_due"], receipt["payment_request"])
        wallet.pay(receipt["invoice_id"])
        proof = {"payment-action": receipt["action_id"], "payment-proof": receipt["proof"]}
        answer = server.get(path, params=params, headers=proof)
    return answer.raise_for_status().json()


if __name__ == "__main__":
    with httpx.Client(base_url="http://127.0.0.1:8000") as server:
        bank = SandboxGateway("bank.db", sandbox=True)
        print(buy(server, "/count", bank, text=" ".join(sys.argv[1:])))
