"""Hooks of schemathesis for openapi.test.mjs.

Each call of the API is of another caller, as a proxy would say it, so that no caller's rate is
reached; what only this machine may ask is asked by this machine. How often each status came is
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


@schemathesis.hook
def before_call(context, case, **kwargs):
    if case.path.startswith("/v1/"):
        caller = f"2001:db8:{next(sites):x}::1"
        case.headers = {**(case.headers or {}), "X-Forwarded-For": caller}


@schemathesis.hook
def after_call(context, case, response):
    counts[f"{case.method} {case.path} {response.status_code}"] += 1


@atexit.register
def write_counts():
    with open(os.environ["HOLDFAST_OPENAPI_COUNTS"], "w", encoding="utf-8") as file:
        json.dump(counts, file)
