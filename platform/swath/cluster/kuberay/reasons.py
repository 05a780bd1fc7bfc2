"""Why a cluster is not ready: what its pods and events say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# waiting will not mend these; the first pull error may pass, the back-off comes after several
_PULL = frozenset({"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_BROKEN = frozenset({"CrashLoopBackOff", "CreateContainerConfigError", "RunContainerError"})


@dataclass(frozen=True)
class Reason:
    """One reason.

    Attributes:
        kind: `image`, `start`, `quota`, `refused`, `room`, `waiting`.
        text: What Kubernetes says, with the object.
        fix: What to do.
        fatal: Waiting will not mend it.
    """

    kind: str
    text: str
    fix: str
    fatal: bool = False


def reasons(pods: Iterable[Mapping[str, Any]], events: Iterable[Mapping[str, Any]]) -> list[Reason]:
    """Why pods do not run and are not made; the worst first, each once with the number of pods."""
    found: dict[tuple[str, str, str, bool], list[str]] = {}
    for pod in pods:
        for reason in _of_pod(pod):
            found.setdefault((reason.kind, reason.text, reason.fix, reason.fatal), []).append(pod["metadata"]["name"])
    listed = [
        Reason(kind, f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {text}", fix, fatal)
        for (kind, text, fix, fatal), names in found.items()
    ]
    listed += [told for event in events if (told := _of_event(event)) is not None]
    unique = {reason.text: reason for reason in listed}
    return sorted(unique.values(), key=lambda reason: not reason.fatal)


def _of_pod(pod: Mapping[str, Any]) -> Iterable[Reason]:
    status = pod.get("status") or {}
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield Reason(
                "room",
                f"unschedulable: {condition.get('message') or condition.get('reason')}",
                "Ask for smaller workers or fewer, or let the node group grow; see tolerations and node_selector.",
            )
    containers = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    for container in containers:
        state = (container.get("state") or {}).get("waiting") or {}
        why, message = state.get("reason") or "", state.get("message") or ""
        if why in _PULL or why == "ErrImagePull":
            yield Reason(
                "image",
                f"{why} of {container.get('image')}: {message}",
                "Correct the image's name and tag, or give pull_secrets.",
                fatal=why in _PULL,
            )
        elif why in _BROKEN:
            last = (container.get("lastState") or {}).get("terminated") or {}
            ended = f", last ended with {last.get('exitCode')} ({last.get('reason')})" if last else ""
            yield Reason("start", f"{why}{ended}: {message}", "See the log of the pod.", fatal=True)


def _of_event(event: Mapping[str, Any]) -> Reason | None:
    message, why = " ".join(str(event.get("message") or "").split()), str(event.get("reason") or "")
    name = (event.get("involvedObject") or {}).get("name")
    if not why.startswith("Failed") or why in ("Failed", "FailedScheduling"):  # pods tell of these themselves
        return None
    if "exceeded quota" in message:
        return Reason("quota", f"{name}: {message}", "Ask for a larger quota, or a smaller cluster.", fatal=True)
    if "violates PodSecurity" in message or "forbidden" in message or "denied the request" in message:
        return Reason("refused", f"{name}: {message}", "See the policies of the namespace.", fatal=True)
    return Reason("waiting", f"{name}: {why}: {message}", "See the log of the KubeRay operator.")
