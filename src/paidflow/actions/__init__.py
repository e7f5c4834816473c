"""What is paid for: the contract of a paid action."""
