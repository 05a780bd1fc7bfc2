"""Calls of the Kubernetes API: what can be tried again is, the rest comes back as errors that say what to do."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from swath.cluster.kuberay.answers import KubernetesApiError, short, told
from swath.cluster.kuberay.manifest import GROUP, PLURAL, VERSION
from swath.errors import ClusterError, CredentialsError

ATTEMPTS = 6
_CONNECT_S, _READ_S = 5.0, 30.0
_AGAIN = frozenset({429, 500, 502, 503, 504})
_NEEDED = (
    *((GROUP, PLURAL, verb) for verb in ("create", "get", "list", "watch", "patch", "delete")),
    ("", "pods", "list"),
    ("", "events", "list"),
    ("", "secrets", "get"),  # of the token of its Jobs API
)


class Expired(Exception):
    """A watch asked for a version that the API no longer has (410): read the object again."""


class Kubernetes:
    """The API of one cluster and namespace.

    Args:
        namespace: Of all that is asked for.
        host: URL of an API without credentials (tests); by default the pod's own service account, or KUBECONFIG.
        context: Of KUBECONFIG.
        backoff_s: First wait between two tries, seconds; it doubles.

    Raises:
        CredentialsError: There are none.
    """

    def __init__(
        self, namespace: str, *, host: str | None = None, context: str | None = None, backoff_s: float = 0.5
    ) -> None:
        from kubernetes import client

        self.namespace, self._backoff = namespace, backoff_s
        self._client = client.ApiClient(_configuration(host, context))
        self._objects = client.CustomObjectsApi(self._client)
        self._core = client.CoreV1Api(self._client)
        self._access = client.AuthorizationV1Api(self._client)

    def check_access(self) -> None:
        """Ask for every right that a cluster needs, before one exists.

        Raises:
            CredentialsError: The token is refused, or a right is missing; the message names it.
            ClusterError: KubeRay is not installed.
        """
        missing = []
        for group, resource, verb in _NEEDED:
            attributes = {"namespace": self.namespace, "group": group, "resource": resource, "verb": verb}
            body = {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": attributes},
            }
            answer = self._call(self._access.create_self_subject_access_review, body, what="ask for rights")
            if not answer.status.allowed:
                missing.append(f"{verb} {resource}{f'.{group}' if group else ''}")
        if missing:
            raise CredentialsError(
                f"These credentials may not {', '.join(missing)} in the namespace {self.namespace}.",
                fix="Bind the role of the chart to this account, or use another one (KUBECONFIG).",
                missing=missing,
            )
        try:
            self.list_clusters("swath.earth/run=none")
        except KubernetesApiError as error:
            if error.facts.get("status") != 404:
                raise
            raise ClusterError(
                "Kubernetes knows no rayclusters.ray.io: KubeRay is not installed.",
                fix="Install the KubeRay operator 1.5.1 or later.",
            ) from error

    def create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create a RayCluster.

        Raises:
            KubernetesApiError: With status 409 where one of this name stands, of an earlier try of this call too.
        """
        return self._call(self._objects.create_namespaced_custom_object, *self._kind, dict(body), what="create")

    def get(self, name: str) -> dict[str, Any] | None:
        """A RayCluster; None where there is none."""
        return self._maybe(self._objects.get_namespaced_custom_object, *self._kind, name, what="get")

    def patch(self, name: str, change: Mapping[str, Any]) -> dict[str, Any] | None:
        """Merge a change into a RayCluster; None where there is none."""
        return self._maybe(
            self._objects.patch_namespaced_custom_object,
            *self._kind,
            name,
            dict(change),
            what="patch",
            _content_type="application/merge-patch+json",
        )

    def delete(self, name: str) -> bool:
        """Delete a RayCluster with all that it owns; False where there is none."""
        found = self._maybe(
            self._objects.delete_namespaced_custom_object,
            *self._kind,
            name,
            what="delete",
            propagation_policy="Background",
        )
        return found is not None

    def list_clusters(self, selector: str) -> list[dict[str, Any]]:
        """RayClusters with these labels, whatever their number."""
        found: list[dict[str, Any]] = []
        token = ""
        while True:
            more = {"_continue": token} if token else {}
            page = self._call(
                self._objects.list_namespaced_custom_object,
                *self._kind,
                label_selector=selector,
                limit=200,
                what="list",
                **more,
            )
            found += page.get("items") or []
            token = (page.get("metadata") or {}).get("continue") or ""
            if not token:
                return found

    def watch(self, name: str, version: str, seconds: int) -> Iterator[tuple[str, dict[str, Any]]]:
        """Changes of one RayCluster since a version, for so long; a dropped connection ends it early.

        Yields:
            (ADDED, MODIFIED or DELETED; the object).

        Raises:
            Expired: The API no longer has that version.
        """
        import urllib3
        from kubernetes import client, watch

        stream: Any = watch.Watch()  # type: ignore[no-untyped-call]
        try:
            events = stream.stream(
                self._objects.list_namespaced_custom_object,
                *self._kind,
                field_selector=f"metadata.name={name}",
                resource_version=version,
                timeout_seconds=seconds,
                _request_timeout=(_CONNECT_S, seconds + _CONNECT_S),
            )
            for event in events:
                # the name is looked at here too: not every proxy of the API selects by fields
                if event["type"] != "BOOKMARK" and event["object"]["metadata"]["name"] == name:
                    yield event["type"], event["object"]
        except client.ApiException as error:
            if error.status == 410:
                raise Expired from error
            if error.status not in _AGAIN:
                raise told(error, "watch", self.namespace) from error
        except (urllib3.exceptions.HTTPError, OSError):
            return  # dropped: the caller reads the object and watches on
        finally:
            stream.stop()

    def pods(self, cluster: str) -> list[dict[str, Any]]:
        """Pods of a RayCluster, as JSON."""
        found = self._call(
            self._core.list_namespaced_pod, self.namespace, label_selector=f"ray.io/cluster={cluster}", what="list pods"
        )
        return self._plain(found.items)

    def warnings(self, names: set[str]) -> list[dict[str, Any]]:
        """Warning events of these objects, oldest first, as JSON."""
        found = self._call(
            self._core.list_namespaced_event, self.namespace, field_selector="type=Warning", what="list events"
        )
        events = [event for event in self._plain(found.items) if event["involvedObject"].get("name") in names]
        return sorted(events, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")

    def secret(self, name: str, key: str) -> str | None:
        """A value of a Secret; None where there is no such Secret or key."""
        found = self._maybe(self._core.read_namespaced_secret, name, self.namespace, what="get secrets")
        value = None if found is None else (found.data or {}).get(key)
        return None if value is None else base64.b64decode(value).decode()

    @property
    def _kind(self) -> tuple[str, str, str, str]:
        return GROUP, VERSION, self.namespace, PLURAL

    def _plain(self, objects: list[Any]) -> list[dict[str, Any]]:
        return [self._client.sanitize_for_serialization(one) for one in objects]  # type: ignore[no-untyped-call]

    def _maybe(self, function: Callable[..., Any], *arguments: Any, what: str, **more: Any) -> Any:
        try:
            return self._call(function, *arguments, what=what, **more)
        except KubernetesApiError as error:
            if error.facts.get("status") == 404:
                return None
            raise

    def _call(self, function: Callable[..., Any], *arguments: Any, what: str, **more: Any) -> Any:
        import urllib3
        from kubernetes import client

        try:
            for attempt in Retrying(
                retry=retry_if_exception(_worth_another),
                stop=stop_after_attempt(ATTEMPTS),
                wait=self._wait,
                reraise=True,
            ):
                with attempt:
                    return function(*arguments, _request_timeout=(_CONNECT_S, _READ_S), **more)
        except client.ApiException as error:
            raise told(error, what, self.namespace) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ClusterError(
                f"The API of Kubernetes at {self._client.configuration.host} does not answer: {short(str(error))}",
                fix="See whether this machine reaches it, and KUBECONFIG names the right cluster.",
            ) from error
        raise AssertionError("unreachable: the last try returns or raises")

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        asked = (getattr(error, "headers", None) or {}).get("Retry-After", "")
        if str(asked).isdigit():
            return min(60.0, float(asked))
        return wait_exponential_jitter(multiplier=self._backoff, max=20, jitter=self._backoff)(state)


def _worth_another(error: BaseException) -> bool:
    import urllib3
    from kubernetes import client

    if isinstance(error, client.ApiException):
        return error.status in _AGAIN
    return isinstance(error, (urllib3.exceptions.HTTPError, ConnectionError))


def _configuration(host: str | None, context: str | None) -> Any:
    from kubernetes import client, config

    configuration = client.Configuration()
    if host is not None:
        configuration.host = host
    else:
        try:
            config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        except config.ConfigException:
            try:
                # the package looks at this variable only when it is imported
                config.load_kube_config(  # type: ignore[no-untyped-call]
                    os.environ.get("KUBECONFIG") or None, context=context, client_configuration=configuration
                )
            except (config.ConfigException, OSError) as error:
                raise CredentialsError(
                    f"There are no credentials for Kubernetes: {short(str(error))}",
                    fix="Set KUBECONFIG, or run in a pod with a service account.",
                ) from error
    configuration.retries = False  # ours know which answers are worth another try
    return configuration
