"""The function app: registers the functions that this app enables, and loads nothing of the others."""

import importlib
import os

import azure.functions as func

from common.missing_dependency import missing_dependency

app = func.FunctionApp()
for name in ("msi_func", "aad_func"):
    # https://learn.microsoft.com/azure/azure-functions/disable-function
    settings = (os.environ.get(f"AzureWebJobs.{name}.Disabled"), os.environ.get(f"AzureWebJobs_{name}_Disabled"))
    if any(value and value.lower() in ("true", "1") for value in settings):
        continue
    try:
        app.register_functions(importlib.import_module(f"{name}.function").blueprint)
    except ImportError as error:
        app.register_functions(missing_dependency(name, error))
