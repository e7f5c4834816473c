"""paidflow in an application on Django: its transactions, models, views, signals and admin."""
