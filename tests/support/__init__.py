"""Test support: the app in Functions hosts, a local tenant, forged tokens and scripted servers."""
