import jwt
import pytest
from pyjwt_app import caller


def test_only_valid_tokens_are_accepted(local_azure):
    local_azure.environment()
    assert caller(local_azure.token("aad-func"))["roles"] == ["DoAll"]
    for defect in ({"expired": True}, {"wrong_key": True}, {"claims": {"aud": "another"}}):
        with pytest.raises(jwt.PyJWTError):
            caller(local_azure.token("aad-func", **defect))
