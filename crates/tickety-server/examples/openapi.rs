//! Prints the description of the API, which is committed as `docs/openapi.json`.

#![expect(clippy::print_stdout, reason = "that is what it is for")]

fn main() {
    print!("{}", tickety_server::openapi::document());
}
