//! Putting a server together.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use jiff::Timestamp;

use crate::caller::Caller;
use crate::guard::{self, Guard, Policy};
use crate::limits::Limits;
use crate::project::Project;
use crate::representations::Terms;
use crate::state::{Clock, Shared, State};
use crate::{edge, routes};

/// Where the API begins.
pub const API: &str = "/api/v1";

/// A server that is being put together.
pub struct Server {
    projects: Vec<Arc<Project>>,
    extra: Router,
    limits: Limits,
    policy: Policy,
    caller: Caller,
    clock: Clock,
    max_age: Duration,
}

impl Server {
    /// Begins a server without projects. `clock` tells the time that writes get and queries are asked at.
    pub fn new(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            projects: Vec::new(),
            extra: Router::new(),
            limits: Limits::default(),
            policy: Policy::default(),
            caller: Caller::default(),
            clock: Box::new(clock),
            max_age: Duration::ZERO,
        }
    }

    /// Serves a project under `/api/v1/projects/NAME`, and the first one under `/api/v1` too.
    #[must_use]
    pub fn project(mut self, project: Arc<Project>) -> Self {
        self.projects.push(project);
        self
    }

    /// Serves other routes beside, under the same guards.
    #[must_use]
    pub fn merge(mut self, router: Router) -> Self {
        self.extra = self.extra.merge(router);
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Says whom to answer. Default: everybody who asks for this machine by a name that only it goes by.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Says who asks where nothing else tells.
    #[must_use]
    pub fn caller(mut self, caller: Caller) -> Self {
        self.caller = caller;
        self
    }

    /// Sets for how long clients may give an answer again without asking, in whole seconds. Default: not at all; they ask
    /// whether it still is as they have it.
    #[must_use]
    pub fn max_age(mut self, time: Duration) -> Self {
        self.max_age = time;
        self
    }

    /// Makes the router.
    pub fn router(self) -> Router {
        let Self { projects, extra, limits, policy, caller, clock, max_age } = self;
        let names: Vec<_> = projects.iter().map(|project| project.name().into()).collect();
        let guard = Arc::new(Guard::new(policy, &names));
        let shared = Arc::new(Shared::new(limits, caller, clock, terms(max_age)));
        let mut router = extra.merge(routes::of_server()).merge(guard::routes(&guard));
        for (place, project) in projects.into_iter().enumerate() {
            let at =
                |base: String| State { project: Arc::clone(&project), base: base.into(), shared: Arc::clone(&shared) };
            let base = format!("{API}/projects/{}", project.name);
            router = router.nest(&base, routes::of_project(at(base.clone())));
            if place == 0 {
                router = router.nest(API, routes::of_project(at(API.to_owned())));
            }
        }
        edge::around(router, guard, &shared)
    }
}

fn terms(max_age: Duration) -> Terms {
    let cache_control = match max_age.as_secs() {
        0 => HeaderValue::from_static("private, no-cache"),
        seconds => HeaderValue::try_from(format!("private, max-age={seconds}, must-revalidate"))
            .unwrap_or(HeaderValue::from_static("private, no-cache")),
    };
    Terms { cache_control }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("projects", &self.projects).field("limits", &self.limits).finish_non_exhaustive()
    }
}
