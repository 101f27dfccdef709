"""What the front door takes is every body that Shopify publishes of a webhook, and nothing less."""

import json

from libs.ops.setup import SAMPLES


def test_every_published_body_is_a_json_object():
    bodies = [json.loads(path.read_bytes()) for path in SAMPLES.rglob("*.json")]
    assert len(bodies) > 200
    assert {type(body) for body in bodies} == {dict}
