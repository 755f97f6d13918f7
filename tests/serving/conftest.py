"""A client for each test."""

from serving_client import client

__all__ = ["client"]
