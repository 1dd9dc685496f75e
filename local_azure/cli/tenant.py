"""The local tenant that `demo`, `run` and `serve` start."""

import argparse

from local_azure.cloud import LocalAzure
from local_azure.tenant.loader import load


def from_options(options: argparse.Namespace) -> LocalAzure:
    """Return the tenant that the command line describes. Raises StartError or TenantFileError."""
    return LocalAzure(
        load(options.tenant),
        port=options.port,
        https_port=options.https_port,
        state=options.state,
        site=options.site,
        cache_tokens=not options.no_token_cache,
    )
