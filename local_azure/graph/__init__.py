"""The part of Microsoft Graph that assigns app roles."""
