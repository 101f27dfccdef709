"""Run in dlt's environment: `dlt_pipeline.py URL TOKEN FOLDER` loads a shop into DuckDB by dlt's
REST source, with the requests of dlt's Shopify source, and prints what the tables hold."""

import json
import sys
from typing import Any

import dlt
from dlt.sources.rest_api import rest_api_source

_SINCE = "2000-01-01T00:00:00+00:00"
_FIGURES = """
    SELECT count(*), count(DISTINCT id), sum(total_price::decimal(18, 2)),
      (SELECT sum(quantity) FROM orders__line_items lines
       JOIN orders of_line ON lines._dlt_parent_id = of_line._dlt_id WHERE NOT of_line.test),
      (SELECT count(*) FROM customers), (SELECT count(*) FROM products)
    FROM orders WHERE NOT test"""


def _resource(name: str, **params: Any) -> dict[str, Any]:
    since = {"type": "incremental", "cursor_path": "updated_at", "initial_value": _SINCE}
    return {
        "name": name,
        "primary_key": "id",
        "write_disposition": "merge",
        "endpoint": {
            "path": f"{name}.json",
            "params": {"limit": 100, "updated_at_min": since, **params},
            "data_selector": name,
        },
    }


def main(url: str, token: str, folder: str) -> None:
    source = rest_api_source(
        {
            "client": {
                "base_url": f"{url}/admin/api/2026-10/",
                "headers": {"X-Shopify-Access-Token": token},
                "paginator": {"type": "header_link"},
            },
            "resources": [
                _resource("orders", status="any"),
                _resource("customers"),
                _resource("products"),
            ],
        }
    )
    pipeline = dlt.pipeline(
        "shop",
        destination=dlt.destinations.duckdb(f"{folder}/shop.duckdb"),
        dataset_name="loaded",
        pipelines_dir=folder,
    )
    pipeline.run(source)
    with pipeline.sql_client() as client:
        [row] = client.execute_sql(_FIGURES)
    print(json.dumps([str(value) for value in row]))


if __name__ == "__main__":
    main(*sys.argv[1:])
