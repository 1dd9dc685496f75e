"""An API that validates tokens with fastapi-azure-auth."""

from typing import Annotated

from fastapi import FastAPI, Security
from fastapi_azure_auth.auth import AzureAuthorizationCodeBearerBase
from fastapi_azure_auth.user import User

CLIENT_ID = "aad00002-c11d-4000-8000-000000000000"


def create_app(tenant_id, openid_config_url):
    app = FastAPI()
    scheme = AzureAuthorizationCodeBearerBase(CLIENT_ID, tenant_id=tenant_id, openid_config_url=openid_config_url)

    @app.get("/roles")
    def roles(user: Annotated[User, Security(scheme)]) -> list[str]:
        return user.roles

    return app
