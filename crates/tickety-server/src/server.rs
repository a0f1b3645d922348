//! Putting a server together.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use jiff::Timestamp;

use crate::caller::Caller;
use crate::limits::Limits;
use crate::project::Project;
use crate::state::{Clock, Shared, State};
use crate::{edge, routes};

/// Where the API begins.
pub const API: &str = "/api/v1";

/// A server that is being put together.
pub struct Server {
    projects: Vec<Arc<Project>>,
    extra: Router,
    limits: Limits,
    caller: Caller,
    clock: Clock,
}

impl Server {
    /// Begins a server without projects. `clock` tells the time that writes get and queries are asked at.
    pub fn new(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            projects: Vec::new(),
            extra: Router::new(),
            limits: Limits::default(),
            caller: Caller::default(),
            clock: Box::new(clock),
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

    /// Says who asks where nothing else tells.
    #[must_use]
    pub fn caller(mut self, caller: Caller) -> Self {
        self.caller = caller;
        self
    }

    /// Makes the router.
    pub fn router(self) -> Router {
        let Self { projects, extra, limits, caller, clock } = self;
        let shared = Arc::new(Shared::new(limits, caller, clock));
        let mut router = extra;
        for (place, project) in projects.into_iter().enumerate() {
            let state = State { project, shared: Arc::clone(&shared) };
            router = router.nest(&format!("{API}/projects/{}", state.project.name), routes::of_project(state.clone()));
            if place == 0 {
                router = router.nest(API, routes::of_project(state));
            }
        }
        edge::guard(router, &shared)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("projects", &self.projects).field("limits", &self.limits).finish_non_exhaustive()
    }
}
