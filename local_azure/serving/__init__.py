"""HTTP and HTTPS servers on 127.0.0.1, and the ports, certificates and files that they need."""
