"""Library versions: which ones wrote an artifact, and which are proven to answer alike under the installed one."""
