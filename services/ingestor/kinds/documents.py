"""The GraphQL documents of the further entities, written from their declarations."""

from collections.abc import Sequence

from services.ingestor.kinds.kind import Kind

_PAGE_INFO = "pageInfo { hasNextPage endCursor }"


def export_document(kinds: Sequence[Kind]) -> str:
    """The bulk query of all of them. They have one `listed_by`: the same nodes tell of each."""
    first = kinds[0]
    fields = " ".join(f"{kind.fields} {_nested_edges(kind)}" for kind in kinds)
    arguments = _arguments(first.arguments, _only(first))
    return f"{{ {first.root}{arguments} {{ edges {{ node {{ {fields} }} }} }} }}"


def page_document(kind: Kind) -> str:
    """A page of what changed, the oldest change first; by id where Shopify cannot sort so."""
    listing = kind.listing
    query = "$query: String!, " if listing.search_field or listing.only else ""
    arguments = _arguments(
        f"first: {listing.page_size}, after: $after",
        "query: $query" if listing.search or listing.only else "",
        f"sortKey: {listing.sort}" if listing.sort else "",
        listing.arguments,
    )
    return f"""
query {_name(kind)}Page({query}$after: String) {{
  page: {listing.root}{arguments} {{
    {_PAGE_INFO}
    nodes {{ {listing.fields} {_first_children(listing)} }}
  }}
}}
"""


def order_document(kind: Kind) -> str:
    """What a page shows of an order, of one alone; for a kind whose root is the orders."""
    return f"""
query {_name(kind)}OfOrder($id: ID!) {{
  order(id: $id) {{ {kind.fields} {_first_children(kind)} }}
}}
"""


def more_document(kind: Kind) -> str:
    """The rest of a nested list that is longer than a page of it."""
    listing = kind.listing
    below = listing.children
    owners = below.within if below and below.within else listing.root
    query = "$query: String!, " if listing.searches_children else ""
    return f"""
query More{_name(kind)}($id: ID!, {query}$after: String) {{
  owner: {owners.removesuffix("s")}(id: $id) {{
    children: {_children(listing, "first: 250, after: $after")}
  }}
}}
"""


def count_document(kind: Kind) -> str:
    return f"""
query {_name(kind)}Count {{
  found: {kind.count}(limit: null) {{ count precision }}
}}
"""


def _first_children(kind: Kind) -> str:
    below = kind.children
    if below is None:
        return ""
    children = f"children: {_children(kind, f'first: {below.first}')}"
    return f"{below.within} {{ {below.within_fields} {children} }}" if below.within else children


def _nested_edges(kind: Kind) -> str:
    below = kind.children
    return f"{below.connection} {{ edges {{ node {{ {below.fields} }} }} }}" if below else ""


def _children(kind: Kind, arguments: str) -> str:
    below = kind.children
    if below is None:
        return ""
    given = _arguments(arguments, "query: $query" if below.search else "")
    return f"{below.connection}{given} {{ {_PAGE_INFO} nodes {{ {below.fields} }} }}"


def _only(kind: Kind) -> str:
    return f'query: "{kind.only}"' if kind.only else ""


def _arguments(*parts: str) -> str:
    given = ", ".join(filter(None, parts))
    return f"({given})" if given else ""


def _name(kind: Kind) -> str:
    return kind.name.title().replace("_", "")
