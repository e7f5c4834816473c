"""Stripe: on localstripe behind a front, and request shapes on stripe-mock."""
