"""RabbitMQ: what travels, where, and who may be sure of what."""
