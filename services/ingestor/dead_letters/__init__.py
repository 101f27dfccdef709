"""What an operator does with dead letters: look at them, send them again, discard them."""
