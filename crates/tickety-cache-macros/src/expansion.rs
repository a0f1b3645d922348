//! What a function becomes.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::spanned::Spanned as _;
use syn::{Error, FnArg, GenericArgument, Ident, ItemFn, Pat, PathArguments, Result, ReturnType, Type};

use crate::attribute::Attribute;

/// An argument of the function.
struct Argument<'a> {
    name: &'a Ident,
    mutable: bool,
    /// What it refers to, if it is a reference.
    target: Option<&'a Type>,
    written: &'a Type,
}

/// Puts a cache before the function's body.
pub(crate) fn expand(attribute: &Attribute, function: &ItemFn) -> Result<TokenStream> {
    let (receiver, arguments) = arguments(function)?;
    check(attribute, function, receiver)?;
    let returned = match &function.sig.output {
        ReturnType::Type(_, returned) => (**returned).clone(),
        ReturnType::Default => return Err(Error::new(function.sig.span(), "there is nothing to be kept")),
    };
    let kept = ok_type(&returned);
    let cache = cache(attribute, &arguments, kept.unwrap_or(&returned));
    let key = key(attribute, &arguments);
    let class = attribute.class.as_ref().map(|name| {
        quote! { .class(__cache.class(#name).expect("the cache has the class that #[cached] names")) }
    });
    let terms = terms(attribute);
    let (tags, count) = (&attribute.tags, attribute.tags.len());
    let entry = quote! { ::tickety_cache::Entry::new(__value)#terms.tags(__tags) };
    let body = body(function, &arguments, kept.is_some(), &returned, &entry);
    let call = if function.sig.asyncness.is_some() {
        quote! { __cache.load_with_async(&__key, __options, #body).await }
    } else {
        quote! { __cache.load_with(&__key, __options, #body) }
    };
    let answer = answer(kept.is_some());
    let (attributes, visibility, signature) = (&function.attrs, &function.vis, &function.sig);
    Ok(quote! {
        #(#attributes)*
        #visibility #signature {
            #cache
            let __key = #key;
            let __tags: [::std::string::String; #count] = [#(::std::format!(#tags)),*];
            let __options = ::tickety_cache::LoadOptions::new().patient()#class;
            let __answer = #call;
            #answer
        }
    })
}

fn arguments(function: &ItemFn) -> Result<(bool, Vec<Argument<'_>>)> {
    let mut receiver = false;
    let mut arguments = Vec::new();
    for argument in &function.sig.inputs {
        match argument {
            FnArg::Receiver(_) => receiver = true,
            FnArg::Typed(typed) => {
                let Pat::Ident(pattern) = &*typed.pat else {
                    return Err(Error::new(typed.pat.span(), "an argument of a cached function has a name"));
                };
                let target = match &*typed.ty {
                    Type::Reference(reference) => Some(&*reference.elem),
                    _ => None,
                };
                let mutable = pattern.mutability.is_some();
                arguments.push(Argument { name: &pattern.ident, mutable, target, written: &typed.ty });
            }
        }
    }
    Ok((receiver, arguments))
}

fn check(attribute: &Attribute, function: &ItemFn, receiver: bool) -> Result<()> {
    let span = function.sig.span();
    if receiver && attribute.cache.is_none() {
        return Err(Error::new(
            span,
            "a method needs `cache = …`: a cache of its own would not know one self from another",
        ));
    }
    if receiver && function.sig.asyncness.is_some() {
        let message = "an asynchronous method can't lend itself to a load that others wait for: \
                       call `get_or_load_async` within it";
        return Err(Error::new(span, message));
    }
    if attribute.cache.is_none() && function.sig.generics.type_params().next().is_some() {
        return Err(Error::new(span, "a generic function needs `cache = …`: a static can't be generic"));
    }
    Ok(())
}

/// Returns the type of `Ok`, if a type is a result by its name.
fn ok_type(returned: &Type) -> Option<&Type> {
    let Type::Path(path) = returned else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ok) => Some(ok),
        _ => None,
    })
}

fn cache(attribute: &Attribute, arguments: &[Argument<'_>], kept: &Type) -> TokenStream {
    if let Some(cache) = &attribute.cache {
        return quote! { let __cache = &#cache; };
    }
    let key = if attribute.key.is_some() {
        quote! { ::std::string::String }
    } else {
        let types = arguments.iter().map(|argument| match argument.target {
            Some(target) => quote! { <#target as ::std::borrow::ToOwned>::Owned },
            None => argument.written.to_token_stream(),
        });
        quote! { (#(#types,)*) }
    };
    let capacity = attribute.capacity.as_ref().map_or_else(|| quote! { 1000 }, |capacity| quote! { #capacity });
    let class = attribute.class.as_ref().map(|name| quote! { .class(::tickety_cache::Class::new(#name)) });
    quote! {
        static __CACHE: ::std::sync::LazyLock<::tickety_cache::Cache<#key, #kept>> =
            ::std::sync::LazyLock::new(|| ::tickety_cache::Cache::builder(#capacity)#class.build());
        let __cache = &*__CACHE;
    }
}

fn key(attribute: &Attribute, arguments: &[Argument<'_>]) -> TokenStream {
    if let Some(key) = &attribute.key {
        return quote! { ::std::format!(#key) };
    }
    let parts = arguments.iter().map(|Argument { name, target, .. }| match target {
        Some(_) => quote! { ::std::borrow::ToOwned::to_owned(#name) },
        None => quote! { ::std::clone::Clone::clone(&#name) },
    });
    quote! { (#(#parts,)*) }
}

fn terms(attribute: &Attribute) -> TokenStream {
    let time = |time: Duration| {
        let (seconds, nanoseconds) = (time.as_secs(), time.subsec_nanos());
        quote! { ::std::time::Duration::new(#seconds, #nanoseconds) }
    };
    let ttl = attribute.ttl.map(time).map(|ttl| quote! { .ttl(#ttl) });
    let soft_ttl = attribute.soft_ttl.map(time).map(|ttl| quote! { .soft_ttl(#ttl) });
    quote! { #ttl #soft_ttl }
}

/// Returns the loader.
fn body(
    function: &ItemFn,
    arguments: &[Argument<'_>],
    fails: bool,
    returned: &Type,
    entry: &TokenStream,
) -> TokenStream {
    let block = &function.block;
    let result = if fails {
        quote! { __returned.map(|__value| #entry) }
    } else {
        quote! {
            let __value = __returned;
            ::std::result::Result::<_, ::std::convert::Infallible>::Ok(#entry)
        }
    };
    if function.sig.asyncness.is_none() {
        return quote! { || { let __returned: #returned = (move || -> #returned #block)(); #result } };
    }
    let owned = arguments.iter().filter(|argument| argument.target.is_some());
    let owned: Vec<_> = owned.map(|Argument { name, .. }| name).collect();
    let lent = arguments.iter().filter_map(|Argument { name, mutable, target, .. }| {
        let mutable = mutable.then(|| quote! { mut });
        target.map(|target| quote! { let #mutable #name: &#target = ::std::borrow::Borrow::borrow(&#name); })
    });
    quote! {
        || {
            #(let #owned = ::std::borrow::ToOwned::to_owned(#owned);)*
            async move {
                #(#lent)*
                let __returned: #returned = async move #block.await;
                #result
            }
        }
    }
}

fn answer(fails: bool) -> TokenStream {
    let value = quote! { ::tickety_cache::Lookup::into_value(__lookup).expect("what isn't negative has a value") };
    if fails {
        quote! {
            match __answer {
                ::std::result::Result::Ok(__lookup) => ::std::result::Result::Ok(#value),
                ::std::result::Result::Err(__error) => {
                    let __reason = __error.reason().expect("a patient caller waits as long as it takes").clone();
                    ::std::mem::drop(__error);
                    ::std::result::Result::Err(::std::sync::Arc::unwrap_or_clone(__reason))
                }
            }
        }
    } else {
        quote! {
            match __answer {
                ::std::result::Result::Ok(__lookup) => #value,
                ::std::result::Result::Err(_) => ::std::unreachable!("the function can't fail"),
            }
        }
    }
}
