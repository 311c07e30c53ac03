"""schemathesis' positive_data_acceptance, but for two answers that no schema can foresee: which cursors a server has given
out, and which Idempotency-Keys it has seen already."""

import schemathesis
from schemathesis.specs.openapi.checks import positive_data_acceptance


def unforeseeable(response):
    if response.status_code not in (400, 422):
        return False
    problem = response.json()
    if problem["type"] == "urn:wellhead:problem:idempotency_key_reused":
        return True
    return {error["field"] for error in problem.get("errors", [])} == {"cursor"}


@schemathesis.check
def acceptance_of_what_is_allowed(ctx, response, case):
    return None if unforeseeable(response) else positive_data_acceptance(ctx, response, case)
