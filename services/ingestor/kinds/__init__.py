"""What a further entity declares, and what follows from it for all of them."""
