//! The attribute `#[cached]` of `tickety-cache`, which re-exports it and describes it.

mod attribute;
mod expansion;

use proc_macro::TokenStream;
use syn::{ItemFn, parse_macro_input};

use crate::attribute::Attribute;

/// Answers calls of a function from a cache.
///
/// ```text
/// #[cached(ttl = "5m", key = "{namespace}/{id}", tags = ["issue:{id}"])]
/// fn render(namespace: &str, id: u32) -> Result<String, RenderError> { … }
/// ```
///
/// | argument | meaning | default |
/// |---|---|---|
/// | `key = "…{argument}…"` | the key, a format string | a tuple of all arguments |
/// | `ttl = "…"` | how long a result is served: `500ms`, `30s`, `5m`, `2h`, `7d` | for ever, or as long as the class says |
/// | `soft_ttl = "…"` | how long it is fresh | as long as it is served |
/// | `tags = ["…{argument}…", …]` | tags, format strings | none |
/// | `class = "…"` | the class, which a cache given must have | the default class |
/// | `capacity = n` | how many results are kept by a cache of the function's own | 1,000 |
/// | `cache = expression` | the cache, with keys of type `String` if `key` is given | one of the function's own, a static |
///
/// Of a function that returns a `Result` only `Ok` is kept; all who wait for a call get its error, which has to be `Clone`.
/// Of calls that come together one is done. Asynchronous functions are free functions whose arguments and
/// futures may be sent to other threads; arguments that are references are cloned for them by `ToOwned`. Methods
/// need `cache`, and those that take `self` may not be asynchronous.
#[proc_macro_attribute]
pub fn cached(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let attribute = parse_macro_input!(arguments as Attribute);
    let function = parse_macro_input!(item as ItemFn);
    expansion::expand(&attribute, &function).unwrap_or_else(syn::Error::into_compile_error).into()
}
