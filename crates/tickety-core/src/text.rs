//! Tokens and snippets: the same for matching, for the index and for what is shown.
