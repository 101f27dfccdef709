"""Measures what the product can do on this machine, next to what the machine itself can do."""
