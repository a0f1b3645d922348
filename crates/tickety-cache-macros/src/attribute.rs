//! The arguments of the attribute.

use std::time::Duration;

use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, Ident, LitInt, LitStr, Result, Token, bracketed};

/// What was said in `#[cached(…)]`.
#[derive(Default)]
pub(crate) struct Attribute {
    pub(crate) key: Option<LitStr>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) soft_ttl: Option<Duration>,
    pub(crate) tags: Vec<LitStr>,
    pub(crate) class: Option<LitStr>,
    pub(crate) capacity: Option<LitInt>,
    pub(crate) cache: Option<Expr>,
}

impl Parse for Attribute {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attribute = Self::default();
        let mut known: Vec<Ident> = Vec::new();
        while !input.is_empty() {
            let name: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            match name.to_string().as_str() {
                "key" => attribute.key = Some(input.parse()?),
                "ttl" => attribute.ttl = Some(duration(&input.parse()?)?),
                "soft_ttl" => attribute.soft_ttl = Some(duration(&input.parse()?)?),
                "tags" => {
                    let tags;
                    bracketed!(tags in input);
                    let tags = Punctuated::<LitStr, Token![,]>::parse_terminated(&tags)?;
                    attribute.tags = tags.into_iter().collect();
                }
                "class" => attribute.class = Some(input.parse()?),
                "capacity" => attribute.capacity = Some(input.parse()?),
                "cache" => attribute.cache = Some(input.parse()?),
                _ => {
                    let message = "expected key, ttl, soft_ttl, tags, class, capacity or cache";
                    return Err(Error::new(name.span(), message));
                }
            }
            if known.contains(&name) {
                return Err(Error::new(name.span(), format!("`{name}` is given twice")));
            }
            known.push(name);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        match (&attribute.cache, &attribute.capacity) {
            (Some(_), Some(capacity)) => {
                Err(Error::new(capacity.span(), "the cache that is given has a capacity of its own"))
            }
            _ => Ok(attribute),
        }
    }
}

/// Reads a length of time: a whole number and its unit.
fn duration(text: &LitStr) -> Result<Duration> {
    let value = text.value();
    let unit = value.trim_start_matches(|character: char| character.is_ascii_digit());
    let number: Option<u64> = value[..value.len() - unit.len()].parse().ok();
    let seconds = |factor: u64| number?.checked_mul(factor).map(Duration::from_secs);
    let time = match unit {
        "ms" => number.map(Duration::from_millis),
        "s" => seconds(1),
        "m" => seconds(60),
        "h" => seconds(60 * 60),
        "d" => seconds(60 * 60 * 24),
        _ => None,
    };
    time.ok_or_else(|| Error::new(text.span(), "expected a time such as 500ms, 30s, 5m, 2h or 7d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Attribute> {
        syn::parse_str(text)
    }

    #[test]
    fn times_have_units() {
        for (text, milliseconds) in [("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("2h", 7_200_000)] {
            let attribute = parse(&format!("ttl = \"{text}\"")).unwrap();
            assert_eq!(attribute.ttl, Some(Duration::from_millis(milliseconds)));
        }
        for text in ["", "5", "m", "-5m", "5 m", "1.5s", "99999999999999999999s", "18446744073709551615d"] {
            assert!(parse(&format!("ttl = \"{text}\"")).is_err(), "{text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| parse(text).err().unwrap().to_string();
        assert_eq!(error("time = 5"), "expected key, ttl, soft_ttl, tags, class, capacity or cache");
        assert_eq!(error("ttl = \"5m\", ttl = \"6m\""), "`ttl` is given twice");
        assert_eq!(error("cache = C, capacity = 5"), "the cache that is given has a capacity of its own");
    }

    #[test]
    fn everything_together_is_read() {
        let text = "class = \"c\", ttl = \"5m\", key = \"{id}\", tags = [\"a\", \"b:{id}\"], cache = self.cache,";
        let attribute = parse(text).unwrap();
        assert_eq!((attribute.tags.len(), attribute.cache.is_some()), (2, true));
    }
}
