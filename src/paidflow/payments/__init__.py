"""How money moves: the contract of a gateway, and the gateways."""
