"""What takes the place of a function whose packages were not published with it."""

import logging

import azure.functions as func

from common.problems import Problem, problem_response


def missing_dependency(name: str, error: ImportError) -> func.Blueprint:
    """Return a blueprint with a function `name` that responds with `misconfigured` and the missing package.

    Without it the import error would leave the whole app without functions: 404 on every path.
    """
    logging.getLogger(__name__).error("%s cannot be loaded.", name, exc_info=error)
    package = str(error.name)
    blueprint = func.Blueprint()

    async def respond(req: func.HttpRequest) -> func.HttpResponse:
        detail = f"The package {package} cannot be imported: publish the app with everything in requirements.txt."
        return problem_response(Problem("misconfigured", detail, package=package))

    respond.__name__ = name
    route = blueprint.route(route=name.replace("_", "-"), methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    route(respond)
    return blueprint
