//! The connections: one reqwest client without TLS, and one with it from the first URL on that needs it, since reading the
//! system's certificates takes longer than a request on the same machine.

use std::sync::{Arc, Once, OnceLock};
use std::time::Duration;

use url::Url;

use crate::error::Error;

/// How connections are made and kept.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    pub(crate) connect_timeout: Duration,
    pub(crate) read_timeout: Duration,
    pub(crate) timeout: Option<Duration>,
    pub(crate) idle: usize,
}

/// Who sends requests.
#[derive(Debug)]
pub(crate) enum Transport {
    /// What the caller has brought.
    Given(reqwest::Client),
    Own {
        plain: reqwest::Client,
        secure: OnceLock<Result<reqwest::Client, Error>>,
        connections: Connections,
    },
}

impl Transport {
    pub(crate) fn new(connections: Connections) -> Result<Self, Error> {
        let plain = built(connections.options().tls_certs_only([]))?;
        Ok(Self::Own { plain, secure: OnceLock::new(), connections })
    }

    /// Returns the client for a URL.
    pub(crate) fn client(&self, url: &Url) -> Result<&reqwest::Client, Error> {
        match self {
            Self::Given(client) => Ok(client),
            Self::Own { plain, .. } if url.scheme() == "http" => Ok(plain),
            Self::Own { secure, connections, .. } => {
                secure.get_or_init(|| built(connections.options())).as_ref().map_err(Error::clone)
            }
        }
    }
}

impl Connections {
    fn options(&self) -> reqwest::ClientBuilder {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // Another that the program has installed before is as good.
            drop(rustls::crypto::ring::default_provider().install_default());
        });
        let options = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(self.connect_timeout)
            .read_timeout(self.read_timeout)
            .pool_max_idle_per_host(self.idle);
        match self.timeout {
            Some(time) => options.timeout(time),
            None => options,
        }
    }
}

fn built(options: reqwest::ClientBuilder) -> Result<reqwest::Client, Error> {
    options.build().map_err(|error| Error::Build(Arc::new(error)))
}
