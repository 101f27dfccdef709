"""Our own events and hints, versioned, in the past tense."""
