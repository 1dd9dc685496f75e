"""What tests are made of: the app in real hosts, a local Azure, tokens made to order, servers that misbehave."""
