"""What the API of Kubernetes answers, as errors that say what to do."""

from __future__ import annotations

import json
from typing import Any

from swath.errors import ClusterError, CredentialsError


class KubernetesApiError(ClusterError):
    """The API of Kubernetes refused a call. Facts: status, reason."""


def told(error: Any, what: str, namespace: str) -> ClusterError | CredentialsError:
    """An answer of the API as an error of ours."""
    try:
        body = json.loads(error.body or "{}")
    except ValueError:
        body = {}
    message = body.get("message") if isinstance(body, dict) else None
    message = short(str(message or error.body or error.reason or ""))
    if error.status == 401:
        return CredentialsError(
            f"Kubernetes refuses these credentials: {message}",
            fix="Log in again, or correct KUBECONFIG.",
            status=401,
        )
    if error.status == 403 and "exceeded quota" in message:
        return KubernetesApiError(
            f"The quota of the namespace {namespace} is used up: {message}",
            fix="Ask for a larger quota, or a smaller cluster.",
            status=403,
            reason="quota",
        )
    if error.status == 403:
        return CredentialsError(
            f"These credentials may not {what} in the namespace {namespace}: {message}",
            fix="Bind the role of the chart to this account, or use another one (KUBECONFIG).",
            status=403,
        )
    return KubernetesApiError(
        f"Kubernetes answers {error.status} to {what}: {message}",
        fix="See what the message names; the operator's log says more.",
        status=error.status,
        reason=body.get("reason", "") if isinstance(body, dict) else "",
    )


def short(text: str) -> str:
    """A text in one line of 400 characters at most."""
    return " ".join(text.split())[:400]
