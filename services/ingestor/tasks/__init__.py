"""Work that takes longer than a message may stay unacknowledged.

The handler of an event or a delivery writes a row of `store.tasks` and is done; a worker of the
pulls' role claims the row under a lease and works on it. A row that fails waits, with growing
pauses, and nobody waits for it. A killed worker's rows are taken over once their leases have ended.
"""
