"""App role assignments and Conditional Access policies."""

import json

from local_azure.tenant.grants import Assignment, MfaPolicy


def test_assignments_are_equal_regardless_of_their_creation_time():
    """Comparisons find existing assignments and prevent duplicates."""
    first, second = Assignment("principal", "api", "role", created=1.0), Assignment("principal", "api", "role", 2.0)
    assert first == second
    assert len({first, second}) == 1
    assert first != Assignment("principal", "api", "other", 1.0)
    assert first != Assignment("other", "api", "role", 1.0)
    assert first != Assignment("principal", "other", "role", 1.0)


def test_claims_challenge_names_the_policy():
    challenge = json.loads(MfaPolicy("aad00002-3fa0-4000-8000-000000000000", "user", "api").claims)
    values = ["aad00002-3fa0-4000-8000-000000000000"]
    assert challenge == {"access_token": {"capolids": {"essential": True, "values": values}}}
