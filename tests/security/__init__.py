"""Nobody gets what is not theirs: every route and every page, with every token and role, and each known attack."""
