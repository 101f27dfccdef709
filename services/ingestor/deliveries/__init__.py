"""The live path: deliveries become facts, those that cannot become dead letters."""
