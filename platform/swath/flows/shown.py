"""Audits and reports of maps that are shown on the page as they are made."""

from __future__ import annotations

from prefect.logging import get_run_logger

from swath.assessment.audit import Audit, AuditedMap, audit_map
from swath.assessment.report import write_report
from swath.flows.board import show_audit, show_map, show_report
from swath.store import Store


def audit_shown(store: Store, *, product: str | None, step: str | None = None, against: str | None = None) -> Audit:
    """Audit a map, and show the verdict."""
    made = audit_map(store, product=product, step=step, against=against, say=get_run_logger().info)
    show_audit(made)
    return made


def report_shown(store: Store, *, product: str | None, step: str | None = None, write: bool = True) -> list[str]:
    """Draw each time step of a map, and write its report unless told otherwise; where the pages are."""
    pages = []
    for one in AuditedMap.open_all(store, product=product, step=step):
        show_map(one)
        if write:
            made = write_report(one, say=get_run_logger().info)
            show_report(one, made)
            pages.append(made.page)
    return pages
