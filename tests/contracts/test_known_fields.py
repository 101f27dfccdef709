"""The fields that we call known are those of the bodies that Shopify publishes."""

from libs.ops.known_fields import TARGET, listing
from services.ingestor.deliveries.decode import mapped_topics
from services.ingestor.deliveries.known_fields import named, published_fields


def test_the_listing_is_what_shopify_publishes():
    assert TARGET.read_text() == listing(), "run `make known-fields`"


def test_every_topic_that_carries_facts_is_in_it_and_no_other():
    assert published_fields().keys() == mapped_topics()
    assert {"company", "line_items"} <= set(published_fields()["orders/create"])


def test_all_that_shopify_publishes_has_the_form_of_a_name():
    for fields in published_fields().values():
        for name in fields:
            assert named([name]) == {name}
