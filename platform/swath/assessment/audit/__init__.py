"""Is a map whole and sound? Each unit is read once, and several checks look on.

| Word | Here |
|---|---|
| audit | `audit_map`: its verdict stands in `audit.json` and decides whether the collection is published |
| check | `Check`: one question about the whole map |
| finding | `Finding`: a verdict (passed, warned, failed), counts, and the units that offend |
"""

from __future__ import annotations

from swath.assessment.audit.auditing import Audit, Report, audit_map, audit_step
from swath.assessment.audit.check import Check
from swath.assessment.audit.finding import Finding, Offence, Verdict
from swath.assessment.audit.publication import AuditedMap, read_audits

__all__ = [
    "Audit",
    "AuditedMap",
    "Check",
    "Finding",
    "Offence",
    "Report",
    "Verdict",
    "audit_map",
    "audit_step",
    "read_audits",
]
