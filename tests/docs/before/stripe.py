import json
import os

from stripe import WebhookSignature

from tests.gateways.stripe.payer import Payer

payer = Payer(os.environ["STRIPE_URL"])


def webhook_about(payment_id):
    thing = {"object": "payment_intent", "id": payment_id}
    body = json.dumps({"id": "evt_1", "object": "event", "data": {"object": thing}})
    secret = os.environ["STRIPE_WEBHOOK_SECRET"]
    return {
        "Stripe-Signature": WebhookSignature.generate_signature_header(body, secret)
    }, body.encode()
