"""What operators do: look, compare with the gateways, and put right."""
