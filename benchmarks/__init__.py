"""How fast paidflow is, next to other ways of doing the same job in the same run."""
