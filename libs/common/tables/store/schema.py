"""The schema of the ingestor. tenant_id is first in every key of its tables."""

from sqlalchemy import MetaData

metadata = MetaData(schema="store")
