"""The part of Microsoft Graph that finds principals and assigns app roles."""
