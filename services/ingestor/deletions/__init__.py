"""Deletions that a delivery tells of, confirmed by Shopify before anything is destroyed.

The signature of a delivery covers its body; topic and shop stand in headers that nobody signs, and
the body of a deletion names no shop. What a forged creation or update does wrong, the next pull
repairs; a deletion destroys. So it is a hint: a row of `store.deletion_checks`, written with the
batch that brought it and worked off by the pulls' role. ADR 0017 says why.

gone           as the delivery said, at the delivery's time: newest still wins
still there    asked again after 30 s, 5 min and 1 h, then dropped with a security event
cannot ask     waits, with growing pauses; its tenant alone
no answer      applied as it was told, where none can come: a tenant without a token, an order
               older than Shopify shows, a type that the app may not read

`customers/redact` is asked about too, although its body names the shop (another's is refused). Here
the law wants it done and a forgery must not do it, so it is never dropped. It is done when Shopify
has no such customer any more, or shows one without name and e-mail: Shopify forgets the person
itself. Where it shows a name after the last pause, the request is held: asked about once a day,
listed for a person by `held_at`, and done as soon as Shopify agrees or the shop is disconnected.
"""
