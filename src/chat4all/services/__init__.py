"""Use cases, one per file: they speak to the ports and know no technology."""
