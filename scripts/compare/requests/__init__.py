"""The requests of a recording, by what they are about; all of them are made from one seed."""
