"""oauth: connects shops and keeps their tokens."""
