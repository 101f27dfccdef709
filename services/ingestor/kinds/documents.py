"""The GraphQL documents of the further entities, written from their declarations."""

from services.ingestor.kinds.kind import Kind

_PAGE_INFO = "pageInfo { hasNextPage endCursor }"


def export_document(kind: Kind) -> str:
    """The bulk query of all of it."""
    children = ""
    if below := kind.children:
        children = f"{below.connection} {{ edges {{ node {{ {below.fields} }} }} }}"
    arguments = _arguments(kind.arguments, _only(kind))
    return f"{{ {kind.root}{arguments} {{ edges {{ node {{ {kind.fields} {children} }} }} }} }}"


def page_document(kind: Kind) -> str:
    """A page of what changed, the oldest change first; by id where Shopify cannot sort so."""
    children = ""
    if below := kind.children:
        children = f"children: {_children(kind, f'first: {below.first}')}"
        if below.within:
            children = f"{below.within} {{ {below.within_fields} {children} }}"
    searched = bool(kind.search or kind.only)
    declared = "($query: String!, $after: String)" if searched else "($after: String)"
    arguments = _arguments(
        f"first: {kind.page_size}, after: $after",
        "query: $query" if searched else "",
        f"sortKey: {kind.sort}" if kind.sort else "",
        kind.arguments,
    )
    return f"""
query {_name(kind)}Page{declared} {{
  page: {kind.root}{arguments} {{
    {_PAGE_INFO}
    nodes {{ {kind.fields} {children} }}
  }}
}}
"""


def more_document(kind: Kind) -> str:
    """The rest of a nested list that is longer than a page of it."""
    owners = kind.children.within if kind.children and kind.children.within else kind.root
    return f"""
query More{_name(kind)}($id: ID!, $after: String) {{
  owner: {owners.removesuffix("s")}(id: $id) {{
    children: {_children(kind, "first: 250, after: $after")}
  }}
}}
"""


def count_document(kind: Kind) -> str:
    return f"""
query {_name(kind)}Count {{
  found: {kind.count}(limit: null) {{ count precision }}
}}
"""


def _children(kind: Kind, arguments: str) -> str:
    below = kind.children
    if below is None:
        return ""
    return f"{below.connection}({arguments}) {{ {_PAGE_INFO} nodes {{ {below.fields} }} }}"


def _only(kind: Kind) -> str:
    return f'query: "{kind.only}"' if kind.only else ""


def _arguments(*parts: str) -> str:
    given = ", ".join(filter(None, parts))
    return f"({given})" if given else ""


def _name(kind: Kind) -> str:
    return kind.name.title().replace("_", "")
