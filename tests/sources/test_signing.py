import base64
import json
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sources.things import item
from swath.errors import CredentialsError
from swath.settings import settings
from swath.sources import FrozenItems, collection, gdal_options, sign, signing
from swath.sources.frozen import freeze

PC = "planetary-computer-sentinel-2-l2a"
HREF = "https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/33/B04.tif"


class Tokens:
    """Hands out numbered tokens that last `lasts_s`."""

    def __init__(self):
        self.asked, self.lasts_s, self.status = Counter(), 3600.0, 200
        tokens = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                tokens.asked[self.path] += 1
                ends = datetime.now(UTC) + timedelta(seconds=tokens.lasts_s)
                body = json.dumps({"msft:expiry": ends.isoformat(), "token": f"sig=secret{sum(tokens.asked.values())}"})
                self.send_response(tokens.status)
                self.end_headers()
                self.wfile.write(body.encode())

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@pytest.fixture
def tokens(tmp_path, monkeypatch):
    server = Tokens()
    for name, value in {"PC_SDK_SAS_URL": server.url, "SWATH_CACHE": str(tmp_path), "SWATH_BACKOFF_S": "0.01"}.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    monkeypatch.setattr(signing, "_tokens", {})
    # the package reads its settings once a process
    with signing.warnings.catch_warnings():
        signing.warnings.simplefilter("ignore", DeprecationWarning)
        from planetary_computer.settings import Settings
    Settings.get.cache_clear()
    yield server
    server.server.shutdown()
    server.server.server_close()
    settings.cache_clear()
    Settings.get.cache_clear()


def test_one_token_serves_all_hrefs_of_a_container(tokens):
    assert sign(HREF, PC) == f"{HREF}?sig=secret1"
    assert sign(HREF.replace("B04", "B05"), PC).endswith("?sig=secret1")
    assert tokens.asked == {"/sentinel2l2a01/sentinel2-l2": 1}


def test_many_threads_ask_once(tokens):
    threads = [threading.Thread(target=sign, args=(HREF, PC)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(tokens.asked.values()) == 1


def test_another_process_takes_the_token_of_this_machine(tokens, monkeypatch):
    sign(HREF, PC)
    monkeypatch.setattr(signing, "_tokens", {})  # what a new process starts with
    assert sign(HREF, PC).endswith("secret1")
    assert sum(tokens.asked.values()) == 1


def test_a_token_about_to_end_is_renewed(tokens):
    tokens.lasts_s = 60
    sign(HREF, PC)
    assert sign(HREF, PC).endswith("secret2")


def test_a_refused_token_is_renewed_on_request_once_for_all_processes(tokens, monkeypatch):
    sign(HREF, PC)
    refused = dict(signing._tokens)
    assert sign(HREF, PC, renew=True).endswith("secret2")
    monkeypatch.setattr(signing, "_tokens", refused)  # another process, whose read was refused as well
    assert sign(HREF, PC, renew=True).endswith("secret2")


def test_the_cached_token_is_readable_by_its_owner_only(tokens, tmp_path):
    sign(HREF, PC)
    (path,) = (tmp_path / "tokens").glob("*.json")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_cached_token_that_others_may_read_is_not_believed(tokens, tmp_path, monkeypatch):
    sign(HREF, PC)
    (path,) = (tmp_path / "tokens").glob("*.json")
    path.chmod(0o644)
    monkeypatch.setattr(signing, "_tokens", {})
    assert sign(HREF, PC).endswith("secret2")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_cache_that_cannot_be_written_says_what_to_set(tokens, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SWATH_CACHE", str(tmp_path / "file"))
    settings.cache_clear()
    with pytest.raises(CredentialsError, match=r"Not a directory.*SWATH_CACHE"):
        sign(HREF, PC)


def test_a_token_does_not_show_its_value(tokens):
    sign(HREF, PC)
    assert "secret" not in repr(signing._tokens)


def test_a_refusal_names_the_variables_and_not_their_values(tokens, monkeypatch):
    tokens.status = 403
    with pytest.raises(CredentialsError, match="HTTP 403"):
        sign(HREF, PC)


def test_hrefs_elsewhere_and_signed_ones_stay_as_they_are(tokens):
    assert sign("http://127.0.0.1/B04.tif", PC) == "http://127.0.0.1/B04.tif"
    assert sign(HREF + "?sig=mine", PC) == HREF + "?sig=mine"
    assert sign("/data/B04.tif", "landsat-035032-series") == "/data/B04.tif"
    assert not tokens.asked


def test_a_host_that_only_looks_like_azure_gets_no_token(tokens):
    href = "https://evil.example/sentinel2l2a01.blob.core.windows.net/x.tif"
    assert sign(href, PC) == href


def test_a_scene_is_signed_in_all_its_assets(tokens, tmp_path):
    freeze([item("one", collection="sentinel-2-l2a", hrefs={"B04": HREF, "SCL": HREF})], tmp_path / "t.parquet")
    scene = FrozenItems.open(tmp_path / "t.parquet").scenes([0])[0]
    assert {asset.href for asset in sign(scene).assets.values()} == {f"{HREF}?sig=secret1"}


def test_requester_pays_is_an_option_of_gdal():
    assert gdal_options("usgs-landsat-c2-l2-sr") == {"AWS_REQUEST_PAYER": "requester"}
    assert gdal_options("landsat-035032-series") == {}
    assert gdal_options("cdse-sentinel-2-l2a")["AWS_S3_ENDPOINT"] == "eodata.dataspace.copernicus.eu"


def test_a_bearer_token_comes_from_the_variable_of_the_facts(monkeypatch):
    monkeypatch.setenv("EARTHDATA_TOKEN", "abc")
    assert gdal_options("lpcloud-hls-s30") == {"GDAL_HTTP_AUTH": "BEARER", "GDAL_HTTP_BEARER": "abc"}


def test_a_missing_bearer_token_names_its_variable(monkeypatch):
    monkeypatch.delenv("EARTHDATA_TOKEN", raising=False)
    with pytest.raises(CredentialsError, match="EARTHDATA_TOKEN is not set"):
        gdal_options("lpcloud-hls-s30")


def test_a_bearer_token_that_ran_out_is_told_without_its_value(monkeypatch):
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() - 60}).encode()).decode().rstrip("=")
    monkeypatch.setenv("EARTHDATA_TOKEN", f"head.{claims}.signature")
    with pytest.raises(CredentialsError, match="EARTHDATA_TOKEN ran out at") as caught:
        gdal_options("lpcloud-hls-s30")
    assert "signature" not in str(caught.value)


def test_every_bearer_collection_names_its_variable():
    assert collection("lpcloud-hls-l30").token_env == "EARTHDATA_TOKEN"
