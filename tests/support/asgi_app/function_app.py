"""The ASGI app of `api`, for a Functions host."""

import azure.functions as func

from tests.support.asgi_app.api import api

app = func.AsgiFunctionApp(api, http_auth_level=func.AuthLevel.ANONYMOUS)
