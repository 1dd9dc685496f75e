from fastapi.testclient import TestClient
from fastapi_app import create_app


def test_expired_tokens_are_rejected(local_azure):
    metadata = f"{local_azure.authority}/v2.0/.well-known/openid-configuration"
    client = TestClient(create_app(local_azure.tenant_id, metadata))
    for expired, status in ((False, 200), (True, 401)):
        token = local_azure.token("aad-func", user="developer@local.example", expired=expired)
        response = client.get("/roles", headers={"Authorization": f"Bearer {token}"})
        assert response.status_code == status
