//! Whom the server answers, as the arguments say.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use tickety_api::ErrorCode;
use tickety_server::Policy;
use tickety_server::guard::access::Scope;
use tickety_server::guard::hosts::{Allowed, AllowedHost, AllowedOrigin};
use tickety_server::guard::proxies::{HeaderName, Network, Proxies};
use tickety_server::guard::rates::Rate;

use crate::exit::CliError;
use crate::tokens::{LiveTokens, TokenFile};

/// Whom to answer.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Security")]
pub struct Guarding {
    /// Answer to this name, too, as in tickety.example.org. Can be given several times
    #[arg(long = "allow-host", value_name = "NAME")]
    hosts: Vec<AllowedHost>,

    /// Let pages of this origin ask, as in `https://a.example.org`. Can be given several times
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    origins: Vec<AllowedOrigin>,

    /// Ask for a token, even of this machine
    #[arg(long)]
    require_token: bool,

    /// Believe this proxy who asks and from where, as in 10.0.0.0/8. Can be given several times
    #[arg(long = "trust-proxy", value_name = "ADDRESSES")]
    proxies: Vec<Network>,

    /// Take the user from this header of a proxy that is believed, as in X-Remote-User
    #[arg(long, value_name = "NAME", requires = "proxies")]
    user_header: Option<HeaderName>,

    /// What users may do whom a proxy names: read, write or admin [default: write]
    #[arg(long, value_name = "SCOPE", default_value_t = Scope::Write, hide_default_value = true)]
    user_scope: Scope,

    /// Answer so many requests a second for each token, and ten times as many at once; 0 for any number [default: 100]
    #[arg(long, value_name = "N", default_value_t = 100, hide_default_value = true)]
    rate: u32,
}

impl Guarding {
    /// Makes the policy of a server at an address. Fails where other machines could ask without being asked who they are,
    /// and where nobody could ask.
    pub fn policy(
        self,
        bind: IpAddr,
        projects: Vec<(Arc<str>, TokenFile)>,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Result<Policy, CliError> {
        let Self { mut hosts, origins, require_token, proxies, user_header, user_scope, rate } = self;
        let is_reached_by_others =
            !bind.is_loopback() || !proxies.is_empty() || !hosts.iter().all(AllowedHost::is_loopback);
        let open = !require_token && !is_reached_by_others;
        if !open && (user_header.is_none() || !bind.is_loopback()) {
            check_tokens(&projects, &clock, bind)?;
        }
        if !bind.is_unspecified() {
            hosts.push(bind.into());
        }
        // What is wrong with a file is told now, and not when somebody asks.
        for (_, file) in &projects {
            file.read()?;
        }
        let tokens = LiveTokens::open(projects, clock);
        let tokens = tokens.map_err(|error| CliError::io("start a thread for", Path::new("the tokens"), &error))?;
        Ok(Policy {
            allowed: Allowed { hosts, origins },
            open,
            credentials: Some(Arc::new(tokens)),
            proxies: Proxies { trusted: proxies, user_header, user_scope },
            rate: (rate > 0).then(|| Rate::per_second(rate)),
            ..Policy::default()
        })
    }
}

/// Fails where there is no token that anybody could show.
fn check_tokens(
    projects: &[(Arc<str>, TokenFile)],
    clock: &impl Fn() -> Timestamp,
    bind: IpAddr,
) -> Result<(), CliError> {
    for (_, file) in projects {
        if file.read()?.iter().any(|token| !token.has_expired(clock())) {
            return Ok(());
        }
    }
    let message = match bind.is_loopback() {
        true => "the server would ask for a token, and there is none".to_owned(),
        false => format!("--bind {bind}: other machines could ask, and there is no token to tell who does"),
    };
    Err(CliError::new(ErrorCode::BadValue, message).hint("`tickety token create NAME --scope write` makes one"))
}
