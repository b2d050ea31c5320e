"""How long the service takes for each page that it serves to browsers, and how heavy the page is with its style and
scripts, with 100,000 versions of 10,000 models. One browser's session, over HTTP.

    python benchmarks/pages.py [--rounds N] [--seconds S] [--only PAGE] [--postgres]

The time is from the request to the last byte of the answer, on one connection that stays. What a page must show is
looked for in each answer: one that leads to the login, refuses, or has nothing to show is no page that was fast.
`served_kb` is what goes over the wire when nothing is in the browser's cache yet; `plain_kb` the same, unpacked.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import shutil
import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
from _browsed import DETECTOR, EACH, browsed_database, browsed_registry, freshen, name_of
from _data import tokens_of
from _load import connect, percentiles
from _report import OURS, Report
from _servers import Server, postgres, registry, scratch

AIM = "the aim"
AIMS = {"p50_ms": 300.0, "p95_ms": 300.0, "served_kb": 150.0}

MODELS, VERSIONS = 10_000, 100_000
SMOKE_MODELS, SMOKE_VERSIONS = 100, 1_000

WAITING = 1_000
"""Promotions that wait for a review: of more, the pages look at none."""

COMMENTS = 20
"""On each of a model, a version and a promotion; each mentions who looks."""

ASKED = 20
"""Times that a page is asked for in each round at least: the 95th percentile of fewer is their longest."""

API = "/api/v1"
_PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Encoding": "gzip, deflate"}
_IMPORTED = re.compile(r'^import\b[^;]*"\./([^"]+)"', re.MULTILINE)


class Shown(NamedTuple):
    """What the addresses of pages name: the number of the newest version of the model with many, a promotion that
    waits, one that was applied, and a preview of what retention would let go."""

    newest: int
    waiting: str
    applied: str
    preview: str


class Asked(NamedTuple):
    """`shows`: what stands in the page, and in no other that might come in its place. `by`: who looks; nobody yet,
    where one logs in."""

    path: str
    shows: str
    by: str | None = "grace"


def pages_of(shown: Shown) -> dict[str, Asked]:
    """The pages by the words of the report."""

    model = f"/models/{DETECTOR}"
    last = shown.newest
    two = f"{DETECTOR}/{last},{DETECTOR}/{last - 1}"
    twenty = ",".join(f"{DETECTOR}/{last - turn}" for turn in range(20))
    team = quote("tags.team = 'team-07'")
    other = name_of(7)
    return {
        "login": Asked("/login", 'id="login-form"', by=None),
        "home": Asked("/", "Promotions that wait for your review"),
        "home, of who may review none that waits": Asked("/", "Nothing waits for you.", by="admin"),
        "models": Asked("/models", f'href="{model}"'),
        "models, changed last": Asked("/models?order_by=updated_at%20desc", 'rel="next"'),
        "models, of a team": Asked(f"/models?filter={team}", f'href="/models/{other}"'),
        "models, by words": Asked("/models?q=fraud", f'href="{model}"'),
        "a model of many versions": Asked(model, f'href="{model}/versions/{last}"'),
        "a model of many versions, by a metric": Asked(f"{model}?order_by=metrics.auc_all%20desc", 'rel="next"'),
        "a model of few versions": Asked(f"/models/{other}", f'href="/models/{other}/versions/{EACH}"'),
        "a version": Asked(f"{model}/versions/{last}", "part-5.bin"),
        "compare": Asked("/compare", "<h1>Compare versions</h1>"),
        "compare, 2 versions": Asked(f"/compare?versions={two}", f'href="{model}/versions/{last - 1}"'),
        "compare, 20 versions": Asked(f"/compare?versions={twenty}", f'href="{model}/versions/{last - 19}"'),
        "compare, 20 versions, everything": Asked(
            f"/compare?versions={twenty}&everything=true", f'href="{model}/versions/{last - 19}"'
        ),
        "promotions": Asked("/promotions", "Promotions that wait for your review"),
        "promotions, of who may review none": Asked("/promotions", "<h1>Promotions</h1>", by="admin"),
        "promotions, applied": Asked("/promotions?phase=APPLIED", 'rel="next"'),
        "a promotion that waits": Asked(f"/promotions/{shown.waiting}", 'class="phase phase-pending"'),
        "a promotion that was applied": Asked(f"/promotions/{shown.applied}", 'class="phase phase-applied"'),
        "live": Asked("/live", 'rel="next"'),
        "live, of a team": Asked("/live?model=team-07.*", f'href="/models/{other}"'),
        "live, of a model": Asked(f"/live?model={DETECTOR}", "<svg"),
        "live, ten days ago": Asked(f"/live?at={_ten_days_ago()}", 'rel="next"'),
        "log": Asked("/log", 'rel="next"'),
        "log, of a model": Asked(f"/log?model={DETECTOR}", 'rel="next"'),
        "log, of a person": Asked("/log?person=ben", f'href="{model}"'),
        "log, of what concerns one": Asked("/log?mine=on", "<h1>Log</h1>"),
        "log, of kinds": Asked("/log?kinds=policy.*", "policy"),
        "log, of a kind that there is none of": Asked("/log?kinds=model.deleted", "<h1>Log</h1>"),
        "log, before all": Asked("/log?until=2001-01-01T00:00", "<h1>Log</h1>"),
        "tokens": Asked("/tokens", "<h1>Your tokens</h1>"),
        "people": Asked("/admin/people", 'href="/admin/people/ben"'),
        "a person": Asked("/admin/people/ben", "<h1>ben</h1>"),
        "policies": Asked("/admin/policies", 'href="/admin/policies/team"'),
        "a policy": Asked("/admin/policies/team", "<h1>team"),
        "retention": Asked("/admin/retention", f'href="/admin/retention/previews/{shown.preview}"'),
        "a preview": Asked(f"/admin/retention/previews/{shown.preview}", "<h1>What would go of"),
        "storage": Asked("/admin/storage", f'href="{model}"'),
        "storage, not used for 30 days": Asked("/admin/storage?idle=30", 'rel="next"'),
    }


def _ten_days_ago() -> str:
    return time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() - 10 * 86_400))


def prepare(url: str, tokens: dict[str, str], newest: int, waiting: int) -> Shown:
    """Ask for promotions, say something about each thing, and try what retention would let go."""

    with _caller(url, tokens["airflow"]) as airflow, _caller(url, tokens["ben"]) as ben:
        asked = [_answered(airflow.get(f"/promotions?limit=1&filter={quote(f'model = {DETECTOR!r}')}"))["items"][0]]
        for name, version in [(DETECTOR, newest - 7), *((name_of(turn), EACH) for turn in range(waiting - 1))]:
            body = {"model": name, "version": str(version), "stage": "production", "reason": "trained anew"}
            asked.append(_answered(airflow.post("/promotions", json=body)))
        applied, first = asked[0]["id"], asked[1]["id"]
        for place in (f"models/{DETECTOR}", f"models/{DETECTOR}/versions/{newest}", f"promotions/{first}"):
            for turn in range(COMMENTS):
                _answered(
                    ben.post(f"/{place}/comments", json={"text": f"Look at *this*, @grace, for the {turn}. time."})
                )
    with _caller(url, tokens["grace"]) as grace:
        rule = {"name": "few", "pattern": "*", "keep_last": 3}
        _answered(grace.post("/retention/rules", json={"document": rule}))
        preview = _answered(grace.post("/retention/previews", json={"pattern": "team-00.*"}))["id"]
        while _answered(grace.post(f"/retention/previews/{preview}/continue"))["phase"] != "READY":
            pass
    return Shown(newest, waiting=first, applied=applied, preview=preview)


def log_in(url: str, token: str) -> str:
    """The cookie of a session of who holds the token, as a browser gets it by a login link."""

    with _caller(url, token) as caller:
        link = _answered(caller.post("/login-links", json={}))["url"]
    headers = {"Origin": url, "Sec-Fetch-Site": "same-origin"}
    answer = httpx.post(f"{url}/login", json={"token": link.partition("#")[2]}, headers=headers).raise_for_status()
    return str(answer.headers["set-cookie"]).partition(";")[0]


def _caller(url: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=url + API, headers={"Authorization": f"Bearer {token}"}, timeout=60)


def _answered(response: httpx.Response) -> Any:  # noqa: ANN401 - JSON
    if response.is_error:
        raise RuntimeError(
            f"{response.request.method} {response.url} was answered {response.status_code}: {response.text}"
        )
    return response.json()


class Browser:
    """A browser with a session of each of some people, which keeps nothing."""

    def __init__(self, url: str, cookies: Mapping[str, str]) -> None:
        self._url = url
        self._cookies = cookies

    def times(self, asked: Asked, *, least: int, seconds: float) -> list[float]:
        """Seconds that the page took, each time. Raises RuntimeError where something else came in its place."""
        return asyncio.run(self._times(asked, least, seconds))

    async def _times(self, asked: Asked, least: int, seconds: float) -> list[float]:
        headers = "".join(f"{name}: {value}\r\n" for name, value in self._headers(asked).items())
        connection = await connect(self._url)
        request = connection.request("GET", asked.path, headers=headers)
        try:
            await connection.exchange(request)
            found: list[float] = []
            until = time.perf_counter() + seconds
            while (begun := time.perf_counter()) < until or len(found) < least:
                head, body = await connection.exchange(request)
                found.append(time.perf_counter() - begun)
                _look_for(asked, _unpacked(head, body))
            return found
        finally:
            connection.close()
            await asyncio.sleep(0)  # in which it closes

    def weigh(self, asked: Asked) -> dict[str, float]:
        """What the page weighs with the styles, scripts and marks that it asks for. Raises RuntimeError where it isn't
        what was asked for, or one of them is missing."""

        with httpx.Client(base_url=self._url, headers=self._headers(asked), timeout=60) as http:
            page = _got(http, asked.path, "text/html")
            _look_for(asked, page.text)
            parts = [page]
            wanted = _Assets.of(page.text)
            if not wanted:
                raise RuntimeError(f"{asked.path} asks for no style")
            for path in wanted:  # which grows: what a script imports comes after it
                parts.append(_got(http, path))
                beside = path.rpartition("/")[0]
                if path.endswith(".js"):
                    names = (f"{beside}/{name}" for name in _IMPORTED.findall(parts[-1].text))
                    wanted.extend(name for name in names if name not in wanted)
        return {
            "page_kb": len(page.content) / 1000,
            "served_kb": sum(part.num_bytes_downloaded for part in parts) / 1000,
            "plain_kb": sum(len(part.content) for part in parts) / 1000,
        }

    def _headers(self, asked: Asked) -> dict[str, str]:
        return _PAGE | ({} if asked.by is None else {"Cookie": self._cookies[asked.by]})


def _unpacked(head: bytes, body: bytes) -> str:
    packed = b"\ncontent-encoding: gzip\r" in head.lower() + b"\r"
    return (gzip.decompress(body) if packed else body).decode()


def _look_for(asked: Asked, page: str) -> None:
    if asked.shows not in page:
        raise RuntimeError(f"{asked.path} doesn't show {asked.shows}: {page.partition('<main')[2][:2000]}")


def _got(http: httpx.Client, path: str, media_type: str = "") -> httpx.Response:
    answer = http.get(path)
    if answer.status_code != 200 or media_type not in answer.headers["content-type"]:
        raise RuntimeError(f"{path} was answered {answer.status_code}: {answer.text[:500]}")
    return answer


class _Assets(HTMLParser):
    """The addresses of what a page is shown with, each once."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, None] = {}

    @classmethod
    def of(cls, page: str) -> list[str]:
        parser = cls()
        parser.feed(page)
        return list(parser.found)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get("href" if tag == "link" else "src")
        if tag in {"link", "script", "img"} and address is not None and address.startswith("/static/"):
            self.found[address] = None


def measure(browser: Browser, server: Server, asked: Asked, *, least: int, seconds: float) -> dict[str, float]:
    weights = browser.weigh(asked)
    before = server.cpu()
    times = browser.times(asked, least=least, seconds=seconds)
    used = server.cpu() - before
    p50, p95 = percentiles(times)["p50_ms"], sorted(times)[int(len(times) * 0.95)] * 1000
    return {"p50_ms": p50, "p95_ms": p95, "cpu_ms": used / (len(times) + 1) * 1000, **weights}


def main() -> None:
    report = Report(__doc__ or "", seconds=1.0)
    report.parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, in a directory of its own")
    options = report.options()
    models, versions = (SMOKE_MODELS, SMOKE_VERSIONS) if options.smoke else (MODELS, VERSIONS)
    with ExitStack() as stack:
        home = stack.enter_context(scratch("pages"))
        database = stack.enter_context(postgres()) if options.postgres else None
        if database:
            browsed_database(home, database, models, versions)
        else:
            shutil.copytree(browsed_registry(models, versions), home, dirs_exist_ok=True)
            freshen(home)
        server = stack.enter_context(registry(home, database=database))
        tokens = tokens_of(home)
        newest = versions - (models - 1) * EACH
        shown = prepare(server.url, tokens, newest, min(WAITING, models // 5))
        browser = Browser(server.url, {who: log_in(server.url, tokens[who]) for who in ("grace", "admin")})
        least = 2 if options.smoke else ASKED
        for work, asked in pages_of(shown).items():
            ours = partial(measure, browser, server, asked, least=least, seconds=options.seconds)
            report.alternate(work, {OURS: ours, AIM: lambda: AIMS})
    report.finish()


if __name__ == "__main__":
    main()
