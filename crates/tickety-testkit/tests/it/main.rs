//! Claims about the test kit itself, and what fuzzing has found.

mod corpus;
