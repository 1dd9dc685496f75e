"""App Service authentication (Easy Auth) in front of an app."""
