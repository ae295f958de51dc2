"""Hooks of schemathesis for openapi.test.mjs.

Each call is of another caller, as a proxy would say it, so that no caller's rate is reached; what
only this machine may ask is asked by this machine. Calls of the account API are an operator's, whose
cookie HOLDFAST_OPENAPI_COOKIE is, from a page of HOLDFAST_OPENAPI_ORIGIN. How often each status came is
written to the file HOLDFAST_OPENAPI_COUNTS at the end.
"""

import atexit
import collections
import itertools
import json
import os

import schemathesis

# As many sites, from the addresses that are for documentation.
SITES = 256
sites = itertools.cycle(range(SITES))
counts = collections.Counter()


LOCAL = {"/metrics", "/api/engines"}


def headers_of(case):
    if case.path in LOCAL:
        return {}
    headers = {"X-Forwarded-For": f"2001:db8:{next(sites):x}::1", "X-Forwarded-Proto": "https"}
    # To log out would make a stranger of the operator.
    ends_session = case.method == "DELETE" and case.path == "/api/session"
    if case.path.startswith("/api/") and not ends_session:
        headers["Cookie"] = os.environ["HOLDFAST_OPENAPI_COOKIE"]
        headers["Origin"] = os.environ["HOLDFAST_OPENAPI_ORIGIN"]
    return headers


@schemathesis.hook
def before_call(context, case, **kwargs):
    case.headers = {**(case.headers or {}), **headers_of(case)}


@schemathesis.hook
def after_call(context, case, response):
    counts[f"{case.method} {case.path} {response.status_code}"] += 1


@atexit.register
def write_counts():
    with open(os.environ["HOLDFAST_OPENAPI_COUNTS"], "w", encoding="utf-8") as file:
        json.dump(counts, file)
