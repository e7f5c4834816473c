"""What others are told: events go out to callables and webhooks, at least once, in order."""
