"""What Django keeps of the tables; the tables themselves are made by paidflow."""
