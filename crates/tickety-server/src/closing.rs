//! How a server is told to end.

use tokio::sync::watch;

/// Tells a server, and what it has running, to end. Clones tell the same.
#[derive(Clone, Debug)]
pub struct Closing(watch::Sender<bool>);

impl Default for Closing {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Closing {
    /// Has everything end.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it begins.
    pub async fn begun(&self) {
        // The sender lives as long as this.
        self.0.subscribe().wait_for(|begun| *begun).await.ok();
    }
}
