"""GET /api/aad-func: request -> principal -> role -> claims."""

import json
from weakref import WeakKeyDictionary

import azure.functions as func

from aad_func.gate import protected
from aad_func.principal import Principal
from common.problems import json_response

blueprint = func.Blueprint()

# A bearer token that comes again has the same answer; kept as long as the gate remembers whose token it is. By Easy
# Auth each request has a principal of its own, and its answer goes with it.
_answers: WeakKeyDictionary[Principal, bytes] = WeakKeyDictionary()


# ANONYMOUS: callers are checked by their Entra token, not by a function key.
@blueprint.route(route="aad-func", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@protected()
async def aad_func(req: func.HttpRequest, caller: Principal) -> func.HttpResponse:
    """The caller's own claims."""
    answer = _answers.get(caller)
    if answer is None:
        answer = _answers[caller] = _answer(caller)
    return json_response(answer)


def _answer(caller: Principal) -> bytes:
    answer = {
        "authenticated_by": caller.authenticated_by,
        "caller": {
            "kind": caller.kind,
            "client_id": caller.client_id,
            "object_id": caller.object_id,
            "tenant_id": caller.tenant_id,
        },
        "roles": sorted(caller.roles),
        "claims": caller.claims,
    }
    return json.dumps(answer, default=dict).encode()  # claims are read-only mappings
