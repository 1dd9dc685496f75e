"""HTTP and HTTPS servers on 127.0.0.1, with their ports, certificates and files."""
