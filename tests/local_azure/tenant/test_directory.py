"""Roles, consent and policies of groups and users."""

from pathlib import Path

from local_azure.tenant.loader import DEFAULT_TENANT_FILE, load
from tests.support.tenant_requests import changed_tenant_file


def test_users_inherit_roles_of_groups_and_service_principals_do_not():
    tenant = load()
    api = tenant.application("aad-func")
    developer, visitor = tenant.user("developer@local.example"), tenant.user("visitor@local.example")
    slot = tenant.site("msi-func/slots/staging").identities[0]
    assert {developer.object_id, slot.object_id} <= set(tenant.groups[0].members)
    assert [tenant.roles(one, api) for one in (developer, visitor, slot)] == [["DoAll"], [], []]


def test_consent_is_for_all_users_or_for_one(tmp_path: Path):
    developer, visitor = "developer@local.example", "visitor@local.example"
    for user, wanted in ((None, [True, True]), (developer, [True, False])):
        tenant = load(changed_tenant_file(tmp_path, "consents/0/user", user) if user else DEFAULT_TENANT_FILE)
        api, client = tenant.application("aad-func"), tenant.application("msi-func-api")
        users = [tenant.user(name) for name in (developer, visitor)]
        assert [bool(tenant.consented(one, client.client_id, api)) for one in users] == wanted
        assert tenant.consented(users[0], client.client_id, tenant.application("aad-func-v1")) == set()


def test_policy_for_a_group_applies_to_its_users(tmp_path: Path):
    tenant = load(changed_tenant_file(tmp_path, "mfa_policies/0/principal", "developers"))
    api = tenant.application("aad-func")
    guarded = {user.name for user in tenant.users if tenant.mfa_policy(user, api)}
    assert guarded == {"developer@local.example", "guarded@local.example"}
