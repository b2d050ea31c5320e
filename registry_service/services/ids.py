"""Identifiers that the registry gives: short enough to read out, random so that nothing can be counted by them."""

from __future__ import annotations

import base64
import secrets


def new_id() -> str:
    """16 characters (80 random bits), lower case letters and the digits 2 to 7."""
    return base64.b32encode(secrets.token_bytes(10)).decode().lower()
