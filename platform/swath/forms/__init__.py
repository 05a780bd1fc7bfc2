"""What a person writes: YAML checked field by field, and a commented template of it."""

from __future__ import annotations

from swath.forms.overrides import apply_overrides
from swath.forms.template import commented
from swath.forms.validation import dotted, element_model, is_mapping, model_at, parse_yaml, read_yaml, suggest, validate

__all__ = [
    "apply_overrides",
    "commented",
    "dotted",
    "element_model",
    "is_mapping",
    "model_at",
    "parse_yaml",
    "read_yaml",
    "suggest",
    "validate",
]
