"""The API's document as a page that people read: plain HTML, no script, nothing from elsewhere."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

Document = Mapping[str, Any]

_CODE = re.compile(r"<code>([A-Z]+_[A-Z_]+)</code>")
_JSON = "application/json"
_METHODS = ("get", "post", "put", "patch", "delete")


def render(document: Document, style: str) -> str:
    """Every operation with parameters, answers and errors; then all shapes and all error codes."""
    info = document["info"]
    groups = _by_tag(document["paths"])
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(info["title"])}</title>
<link rel="icon" href="/favicon.svg">
<style>{style}</style>
</head>
<body>
<header>
<h1>{escape(info["title"])}</h1>
<p>Version {escape(info["version"])}. {_text(info.get("description", ""))}</p>
<p><a href="/api/openapi.json">OpenAPI document</a> · <a href="/">Dashboard</a></p>
{_contents(groups)}
</header>
<main>
{"".join(_group(tag, operations) for tag, operations in groups.items())}
<h2 id="shapes">Shapes</h2>
{"".join(_shape(name, one) for name, one in document["components"]["schemas"].items())}
<h2 id="errors">Errors</h2>
{_errors(document["x-errors"])}
<footer>Name the request id when you ask for help.</footer>
</main>
</body>
</html>
"""


class _Operation:
    def __init__(self, method: str, path: str, content: Mapping[str, Any]) -> None:
        self.method = method
        self.path = path
        self.content = content
        self.anchor = f"{method}{path.replace('/', '-')}"

    @property
    def title(self) -> str:
        return f"{self.method.upper()} {self.path}"


def _by_tag(paths: Mapping[str, Any]) -> dict[str, list[_Operation]]:
    groups: dict[str, list[_Operation]] = {}
    for path, operations in sorted(paths.items()):
        for method in _METHODS:
            if content := operations.get(method):
                tag = str(content.get("tags", ["other"])[0])
                groups.setdefault(tag, []).append(_Operation(method, path, content))
    return dict(sorted(groups.items()))


def _contents(groups: Mapping[str, Sequence[_Operation]]) -> str:
    items = (
        f'<li><a href="#{escape(one.anchor)}"><code>{escape(one.title)}</code></a></li>'
        for operations in groups.values()
        for one in operations
    )
    more = '<li><a href="#shapes">Shapes</a></li><li><a href="#errors">Errors</a></li>'
    return f'<nav aria-label="Contents"><ul>{"".join(items)}{more}</ul></nav>'


def _group(tag: str, operations: Iterable[_Operation]) -> str:
    return f"<h2>{escape(tag.capitalize())}</h2>{''.join(map(_operation, operations))}"


def _operation(one: _Operation) -> str:
    content = one.content
    note = "signed in" if "security" in content else "open to all"
    return f"""<section id="{escape(one.anchor)}">
<h3><span class="method">{one.method.upper()}</span> <code>{escape(one.path)}</code>
<span class="note">{note}</span></h3>
<p>{_text(content.get("summary", ""))}</p>
<p>{_text(content.get("description", ""))}</p>
{_parameters(content.get("parameters", []))}
{_body(content.get("requestBody"))}
{_answers(content["responses"])}
</section>
"""


def _parameters(parameters: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (
            f"<code>{escape(one['name'])}</code>",
            f"{escape(one['in'])}{', required' if one.get('required') else ''}",
            _type(one["schema"]),
            _text(one.get("description") or one["schema"].get("description", "")),
        )
        for one in parameters
    ]
    return _table("Parameters", ("name", "where", "type", "meaning"), rows)


def _body(body: Mapping[str, Any] | None) -> str:
    if body is None:
        return ""
    return f"<h4>Body</h4><p>{_contents_of(body['content'])}</p>"


def _answers(responses: Mapping[str, Any]) -> str:
    rows = [
        (escape(status), _contents_of(one.get("content", {})), _meaning(status, one))
        for status, one in sorted(responses.items())
    ]
    return _table("Answers", ("status", "body", "meaning"), rows)


def _meaning(status: str, response: Mapping[str, Any]) -> str:
    if status.endswith("XX"):
        return "any other refusal" if status.startswith("4") else "any other failure"
    return _CODE.sub(r'<a href="#error-\1"><code>\1</code></a>', _text(response["description"]))


def _contents_of(content: Mapping[str, Any]) -> str:
    bodies = (
        _type(one["schema"]) + ("" if kind == _JSON else f" ({escape(kind)})")
        for kind, one in content.items()
    )
    return " or ".join(bodies) or "none"


def _shape(name: str, schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    rows = [
        (
            f"<code>{escape(field)}</code>",
            _type(one) + ("" if field in required else ", may be left out"),
            _text(one.get("description", "")),
        )
        for field, one in schema.get("properties", {}).items()
    ]
    fields = _table("", ("field", "type", "meaning"), rows) or f"<p>{_type(schema)}</p>"
    description = _text(schema.get("description", ""))
    return (
        f'<section id="shape-{escape(name)}"><h3>{escape(name)}</h3>'
        f"<p>{description}</p>{fields}</section>"
    )


def _errors(rows: Iterable[Mapping[str, Any]]) -> str:
    cells = [
        (
            f'<code id="error-{escape(one["code"])}">{escape(one["code"])}</code>',
            str(one["status"]),
            "yes" if one["retryable"] else "no",
            f"{_text(one['meaning'])} {_text(one['whatToDo'])}",
        )
        for one in rows
    ]
    titles = ("code", "status", "retry", "meaning, and what to do")
    return f"<section>{_table('', titles, cells)}</section>"


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    if not any(row[-1] for row in rows):
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    above = f"<h4>{title}</h4>" if title else ""
    return (
        f'{above}<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _type(schema: Mapping[str, Any]) -> str:
    if reference := schema.get("$ref"):
        name = escape(reference.rpartition("/")[2])
        return f'<a href="#shape-{name}">{name}</a>'
    for many in ("anyOf", "oneOf", "allOf"):
        if many in schema:
            names = " or ".join(_type(one) for one in schema[many])
            return f"{names} ({escape(schema['format'])})" if "format" in schema else names
    if "enum" in schema:
        return " or ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    name = str(schema.get("type", "any"))
    return escape(f"{name} ({schema['format']})" if "format" in schema else name)


def _text(text: str) -> str:
    """`text` with what stands between backticks as code."""
    return "".join(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    for number, piece in enumerate(text.split("`")):
        yield f"<code>{escape(piece)}</code>" if number % 2 else escape(piece)
