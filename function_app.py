"""The function app: imports and registers the functions that are not disabled."""

import gc
import importlib
import logging
import os

import azure.functions as func

from common.problems import Problem, problem_response

app = func.FunctionApp()


def register_missing_dependency(name: str, package: str | None) -> None:
    """Register a function `name` that returns `misconfigured` and names the package that cannot be imported.

    An uncaught ImportError would leave the whole app without functions, so every path would return 404.
    """
    detail = f"The package {package} cannot be imported. Publish the app with all packages in requirements.txt."

    @app.function_name(name)
    @app.route(route=name.replace("_", "-"), methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    async def respond(req: func.HttpRequest) -> func.HttpResponse:
        return problem_response(Problem("misconfigured", detail, package=package))


for name in ("msi_func", "aad_func"):
    # https://learn.microsoft.com/azure/azure-functions/disable-function
    settings = (os.environ.get(f"AzureWebJobs.{name}.Disabled"), os.environ.get(f"AzureWebJobs_{name}_Disabled"))
    if any(value and value.lower() in ("true", "1") for value in settings):
        continue
    try:
        app.register_functions(importlib.import_module(f"{name}.function").blueprint)
    except ImportError as error:
        logging.getLogger(__name__).error("%s cannot be loaded.", name, exc_info=error)
        register_missing_dependency(name, error.name)

# Exclude imported objects from garbage collection: collecting them would block the event loop for 36 ms (measured).
gc.freeze()
