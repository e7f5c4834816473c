"""One API call for ten sats: ``server.py`` sells it with HTTP 402, ``client.py`` buys it."""
