"""What privacy law asks of the store: forget a tenant, forget a person, hand out a file."""
