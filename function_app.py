"""The function app: two blueprints, nothing else. Each deployed app switches the other's function off by setting."""

import azure.functions as func

from aad_func.function import blueprint as aad_func
from msi_func.function import blueprint as msi_func

app = func.FunctionApp()
app.register_functions(msi_func)
app.register_functions(aad_func)
