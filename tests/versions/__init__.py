"""Artifacts that other versions of their libraries wrote: served with those versions' answers, or refused by name."""
